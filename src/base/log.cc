#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <iterator>

#include "base/clock.h"

namespace slipway {
namespace {

struct Settings {
  std::atomic<LogLevel> least = LogLevel::info;
  std::atomic<LogFormat> format = ::isatty(STDERR_FILENO) ? LogFormat::human : LogFormat::json;
};

Settings& settings() {
  static Settings instance;
  return instance;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "error";
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out.append({'\\', c});
    else if (static_cast<unsigned char>(c) < 0x20)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  out += '"';
}

// Control characters of a foreign text must not steer the reader's terminal.
void append_printable(std::string& out, std::string_view text) {
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

std::string human_line(LogLevel level, std::string_view room, std::string_view message,
                       std::initializer_list<LogField> fields) {
  const std::string time = to_iso8601(SystemClock().now(), Fraction::milliseconds);
  std::string line = fmt::format("{} {:<7} {:<10} ", time.substr(11, 12), name_of(level), room);
  append_printable(line, message);
  for (const LogField& field : fields) {
    fmt::format_to(std::back_inserter(line), "  {}=", field.name);
    append_printable(line, field.value);
  }
  return line + '\n';
}

std::string json_line(LogLevel level, std::string_view room, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line =
      fmt::format(R"({{"time":"{}","level":"{}","room":"{}","message":)",
                  to_iso8601(SystemClock().now(), Fraction::milliseconds), name_of(level), room);
  append_json_text(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_json_text(line, field.name);
    line += ':';
    append_json_text(line, field.value);
  }
  return line + "}\n";
}

}  // namespace

void configure_log(LogLevel least) { settings().least = least; }

void configure_log(LogLevel least, LogFormat format) {
  configure_log(least);
  settings().format = format;
}

bool log_enabled(LogLevel level) { return level >= settings().least.load(); }

void log(LogLevel level, std::string_view room, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  const std::string line = settings().format.load() == LogFormat::human
                               ? human_line(level, room, message, fields)
                               : json_line(level, room, message, fields);
  // A log that cannot be written has nowhere to be reported.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace slipway
