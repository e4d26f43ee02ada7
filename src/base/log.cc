#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/printable.h"

namespace slipway {
namespace {

struct Settings {
  Settings() {
    for (auto& level : least) level = LogLevel::info;
  }
  std::array<std::atomic<LogLevel>, std::size(log_room_names)> least;  // by LogRoom::index
  std::atomic<LogFormat> format = ::isatty(STDERR_FILENO) ? LogFormat::human : LogFormat::json;
};

Settings& settings() {
  static Settings instance;
  return instance;
}

// Of the request that this thread works for; empty: none.
thread_local std::string_view current_request;  // NOLINT: a line knows nothing else of its thread

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

// In one line, whatever a foreign text holds.
void append_printable(std::string& out, std::string_view text) {
  for (const char c : printable(text)) out += c == '\n' || c == '\t' ? ' ' : c;
}

std::string human_line(LogLevel level, LogRoom room, std::string_view message,
                       std::initializer_list<LogField> fields) {
  const std::string time = to_iso8601(SystemClock().now(), Fraction::milliseconds);
  std::string line =
      fmt::format("{} {:<7} {:<10} ", time.substr(11, 12), name_of(level), room.name());
  append_printable(line, message);
  for (const LogField& field : fields) {
    fmt::format_to(std::back_inserter(line), "  {}=", field.name);
    append_printable(line, field.value);
  }
  if (!current_request.empty()) {
    line += "  request=";
    append_printable(line, current_request);
  }
  return line + '\n';
}

std::string json_line(LogLevel level, LogRoom room, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","room":"{}","message":)",
                                 to_iso8601(SystemClock().now(), Fraction::milliseconds),
                                 name_of(level), room.name());
  append_json_text(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_json_text(line, field.name);
    line += ':';
    append_json_text(line, field.value);
  }
  if (!current_request.empty()) {
    line += R"(,"request":)";
    append_json_text(line, current_request);
  }
  return line + "}\n";
}

}  // namespace

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "error";
}

std::optional<LogLevel> log_level_of(std::string_view name) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error})
    if (name == name_of(level)) return level;
  return std::nullopt;
}

LogRequest::LogRequest(std::string_view id) : outer_(std::exchange(current_request, id)) {}
LogRequest::~LogRequest() { current_request = outer_; }

void configure_log(LogLevel least) {
  for (auto& level : settings().least) level = least;
}

void configure_log(LogLevel least, LogFormat format) {
  configure_log(least);
  settings().format = format;
}

void set_log_level(LogRoom room, LogLevel least) { settings().least[room.index()] = least; }

LogLevel log_level(LogRoom room) { return settings().least[room.index()]; }

bool log_enabled(LogRoom room, LogLevel level) { return level >= log_level(room); }

void log(LogLevel level, LogRoom room, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (!log_enabled(room, level)) return;
  const std::string line = settings().format.load() == LogFormat::human
                               ? human_line(level, room, message, fields)
                               : json_line(level, room, message, fields);
  // A log that cannot be written has nowhere to be reported.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace slipway
