#include "engine/logs/record.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace slipway::logs {

namespace {

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at == end || *at != ' ') return false;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
  return true;
}

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char escaped = text[++i];
    out += escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped;
  }
  return out;
}

}  // namespace

void append_record(std::string& out, Timestamp time, std::uint64_t cursor,
                   std::string_view message) {
  fmt::format_to(std::back_inserter(out), "{} {} ", time.time_since_epoch().count(), cursor);
  for (const char c : message) {
    switch (c) {
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
  out += '\n';
}

std::optional<Record> read_record(std::string_view line) {
  std::int64_t microseconds = 0;
  Record record;
  if (!take_number(line, microseconds) || !take_number(line, record.cursor)) return std::nullopt;
  record.time = Timestamp(std::chrono::microseconds(microseconds));
  record.message = unescape(line);
  return record;
}

}  // namespace slipway::logs
