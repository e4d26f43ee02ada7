#include "service/logs/insights_record.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "service/logs/json_text.h"
#include "service/logs/pattern_text.h"

namespace slipway::logs_door {

namespace json = boost::json;

namespace {

constexpr std::size_t json_depth_max = 32;

// Scalars by their way from the top. A name that begins with '@' would be one of the event's.
void flatten(const json::value& value, const std::string& way, std::size_t depth, auto& out) {
  if (out.size() >= json_fields_max || depth > json_depth_max) return;
  const auto below = [&](std::string_view name) {
    if (way.empty()) return name.starts_with('@') ? fmt::format("@{}", name) : std::string(name);
    return fmt::format("{}.{}", way, name);
  };
  if (value.is_object()) {
    for (const auto& member : value.get_object())
      flatten(member.value(), below(member.key()), depth + 1, out);
  } else if (value.is_array()) {
    std::size_t index = 0;
    for (const json::value& item : value.get_array())
      flatten(item, below(std::to_string(index++)), depth + 1, out);
  } else if (!way.empty() && !value.is_null()) {
    out.emplace(way, json_text(value));
  }
}

}  // namespace

std::string insights_time(Timestamp time) {
  std::string text = to_iso8601(time, Fraction::milliseconds);
  if (text.size() > 10 && text[10] == 'T') text[10] = ' ';
  if (text.ends_with('Z')) text.pop_back();
  return text;
}

// A message that is JSON, whole or behind its first '{'.
void InsightsRecord::find_json() const {
  if (std::exchange(looked_, true) || source_.event == nullptr) return;
  const std::string_view message = source_.event->message;
  const std::size_t begin = message.find('{');
  if (begin == message.npos || !message.contains('}')) return;
  boost::system::error_code error;
  json::stream_parser parser;
  const std::string_view text = message.substr(begin);
  parser.write_some({text.data(), text.size()}, error);
  if (error || !parser.done()) return;
  flatten(parser.release(), "", 0, json_);
}

InsightsValue InsightsRecord::get(std::string_view name) const {
  if (const auto made = made_.find(name); made != made_.end()) return made->second;
  if (source_.event == nullptr) return {};
  if (name == "@message") return source_.event->message;
  if (name == "@timestamp") return insights_time(source_.event->time);
  if (name == "@ingestionTime") return insights_time(source_.event->ingested);
  if (name == "@logStream") return std::string(source_.stream);
  if (name == "@log") return std::string(source_.log);
  find_json();
  const auto found = json_.find(name);
  if (found == json_.end()) return {};
  return found->second;
}

std::size_t InsightsRecord::made_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, value] : made_) bytes += name.size() + bytes_of(value);
  return bytes;
}

std::optional<std::string> text_of(const InsightsValue& value) {
  if (const auto* const text = std::get_if<std::string>(&value)) return *text;
  if (const auto* const truth = std::get_if<bool>(&value)) return *truth ? "1" : "0";
  const auto* const number = std::get_if<double>(&value);
  if (number == nullptr || std::isnan(*number)) return std::nullopt;
  constexpr double whole_max = 1e15;
  if (std::floor(*number) == *number && std::abs(*number) < whole_max)
    return fmt::format("{}", static_cast<std::int64_t>(*number));
  // Four digits behind the point, and no zeros at the end.
  std::string text = fmt::format("{:.4f}", *number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::optional<double> number_in(const InsightsValue& value) {
  if (const auto* const number = std::get_if<double>(&value))
    return std::isfinite(*number) ? std::optional(*number) : std::nullopt;
  if (const auto* const truth = std::get_if<bool>(&value)) return *truth ? 1 : 0;
  const auto* const text = std::get_if<std::string>(&value);
  const auto number = text != nullptr ? number_of(*text) : std::nullopt;
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::size_t bytes_of(const InsightsValue& value) {
  const auto* const text = std::get_if<std::string>(&value);
  return text != nullptr ? text->size() : 0;
}

bool is_true(const InsightsValue& value) {
  if (const auto* const truth = std::get_if<bool>(&value)) return *truth;
  if (const auto* const text = std::get_if<std::string>(&value)) return *text == "true";
  const auto number = number_in(value);
  return number && *number != 0;
}

int order_of(const InsightsValue& a, const InsightsValue& b) {
  // Kinds first: "9" before "10" before "1a" before "9" would be no order.
  const auto x = number_in(a), y = number_in(b);
  if (x && y) return *x < *y ? -1 : *x > *y ? 1 : 0;
  const auto s = text_of(a), t = text_of(b);
  if (!s || !t) return static_cast<int>(s.has_value()) - static_cast<int>(t.has_value());
  if (x || y) return x ? -1 : 1;
  return s->compare(*t);
}

}  // namespace slipway::logs_door
