#include "engine/logs/record.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <array>
#include <charconv>
#include <iterator>

namespace slipway::logs {

namespace {

constexpr char check_mark = '#';

// Takes a number and the character behind it, which is returned; '\0': there is none.
template <typename Number>
char take_number(std::string_view& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at == end) return '\0';
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
  return *at;
}

void append_number(std::string& out, auto number, char behind) {
  std::array<char, 24> digits{};
  const auto [end, error] = std::to_chars(digits.begin(), digits.end(), number);
  out.append(digits.data(), end);
  out += behind;
}

void append_escaped(std::string& out, std::string_view message) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    if (c != '\n' && c != '\r' && c != '\\') continue;
    out += message.substr(start, i - start);
    out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\\\";
    start = i + 1;
  }
  out += message.substr(start);
}

}  // namespace

std::string escape(std::string_view message) {
  std::string out;
  append_escaped(out, message);
  return out;
}

std::string unescape(std::string_view escaped) {
  std::string out;
  out.reserve(escaped.size());
  for (std::size_t at = 0; at < escaped.size();) {
    const std::size_t mark = std::min(escaped.find('\\', at), escaped.size());
    out += escaped.substr(at, mark - at);
    at = mark + 2;
    if (mark + 1 == escaped.size()) out += '\\';
    if (mark + 1 >= escaped.size()) break;
    const char c = escaped[mark + 1];
    out += c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  return out;
}

void append_record(std::string& out, const RecordHead& head, std::string_view message) {
  const bool at_once = head.ingested == head.time;
  append_number(out, head.time.time_since_epoch().count(), at_once ? ' ' : '+');
  if (!at_once) append_number(out, (head.ingested - head.time).count(), ' ');
  append_number(out, head.cursor, ' ');
  append_escaped(out, message);
  out += '\n';
}

void append_check(std::string& out, std::string_view records) {
  fmt::format_to(std::back_inserter(out), "{}{:08x} {}\n", check_mark,
                 libdeflate_crc32(0, records.data(), records.size()), records.size());
}

std::optional<RecordView> view_record(std::string_view line) {
  std::int64_t time = 0;
  std::int64_t later = 0;
  RecordView record;
  char behind = take_number(line, time);
  if (behind == '+') behind = take_number(line, later);
  if (behind != ' ' || take_number(line, record.cursor) != ' ') return std::nullopt;
  record.time = Timestamp(std::chrono::microseconds(time));
  record.ingested = record.time + std::chrono::microseconds(later);
  record.escaped = line;
  return record;
}

std::optional<Record> read_record(std::string_view line) {
  const auto view = view_record(line);
  if (!view) return std::nullopt;
  return Record{*view, unescape(view->escaped)};
}

bool RecordCheck::holds_for(std::string_view records) const {
  return records.size() >= bytes &&
         libdeflate_crc32(0, records.data() + records.size() - bytes, bytes) == checksum;
}

std::optional<RecordCheck> read_check(std::string_view line) {
  if (!line.starts_with(check_mark)) return std::nullopt;
  line.remove_prefix(1);
  RecordCheck check;
  const char* end = line.data() + line.size();
  const auto [at, error] = std::from_chars(line.data(), end, check.checksum, 16);
  if (error != std::errc() || at == end || *at != ' ') return std::nullopt;
  const auto [last, bad] = std::from_chars(at + 1, end, check.bytes);
  if (bad != std::errc() || last != end) return std::nullopt;
  return check;
}

}  // namespace slipway::logs
