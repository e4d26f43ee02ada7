#include "service/logs/insights_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/text.h"
#include "service/logs/insights_record.h"

namespace slipway::logs_door {

namespace {

using Arguments = std::span<const InsightsValue>;
using Function = InsightsValue (*)(Arguments);

constexpr std::size_t any_number = 100;
constexpr std::size_t text_bytes_max = 1 << 20;  // of what a function makes

std::string text_at(Arguments arguments, std::size_t index) {
  return text_of(arguments[index]).value_or("");
}

// A function of numbers; none where an argument is no number, or what comes out is none (log(-1)).
template <double (*function)(double)>
InsightsValue of_number(Arguments arguments) {
  const auto number = number_in(arguments[0]);
  if (!number) return {};
  const double value = function(*number);
  if (!std::isfinite(value)) return {};
  return value;
}

template <bool greatest>
InsightsValue extreme(Arguments arguments) {
  std::optional<double> out;
  for (const InsightsValue& each : arguments) {
    const auto number = number_in(each);
    if (number && (!out || (greatest ? *number > *out : *number < *out))) out = number;
  }
  if (!out) return {};
  return *out;
}

InsightsValue substr(Arguments arguments) {
  const std::string text = text_at(arguments, 0);
  const double from = number_in(arguments[1]).value_or(0);
  const double most = static_cast<double>(text.size());
  const auto begin = static_cast<std::size_t>(std::clamp(from, 0.0, most));
  const double count = arguments.size() > 2 ? number_in(arguments[2]).value_or(0) : most;
  return text.substr(begin, static_cast<std::size_t>(std::clamp(count, 0.0, most)));
}

InsightsValue replace(Arguments arguments) {
  const std::string text = text_at(arguments, 0);
  const std::string from = text_at(arguments, 1), to = text_at(arguments, 2);
  if (from.empty()) return text;
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; (at = text.find(from, begin)) != text.npos; begin = at + from.size()) {
    out.append(text, begin, at - begin).append(to);
    if (out.size() > text_bytes_max) return {};
  }
  return out.append(text, begin);
}

InsightsValue concat(Arguments arguments) {
  std::string out;
  for (std::size_t i = 0; i < arguments.size() && out.size() < text_bytes_max; ++i)
    out += text_at(arguments, i);
  return out;
}

template <bool left, bool right>
InsightsValue trim(Arguments arguments) {
  const std::string text = text_at(arguments, 0);
  const std::string characters = arguments.size() > 1 ? text_at(arguments, 1) : " \t\r\n";
  const std::size_t begin = left ? text.find_first_not_of(characters) : 0;
  if (begin == text.npos || text.empty()) return std::string();
  const std::size_t end = right ? text.find_last_not_of(characters) : text.size() - 1;
  if (end == text.npos) return std::string();
  return text.substr(begin, end - begin + 1);
}

std::string to_upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

bool is_present(const InsightsValue& value) {
  return !std::holds_alternative<std::monostate>(value);
}

InsightsValue coalesce(Arguments arguments) {
  for (const InsightsValue& each : arguments)
    if (is_present(each)) return each;
  return {};
}

// "2026-01-31 12:00:00.000" as milliseconds since 1970.
std::optional<std::int64_t> milliseconds_of(const InsightsValue& value) {
  if (const auto number = number_in(value)) return static_cast<std::int64_t>(*number);
  const auto text = text_of(value);
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0, milli = 0;
  if (!text || std::sscanf(text->c_str(), "%d-%u-%u %u:%u:%u.%u", &year, &month, &day, &hour,
                           &minute, &second, &milli) < 6)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                    std::chrono::minutes(minute) + std::chrono::seconds(second) +
                    std::chrono::milliseconds(milli);
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

InsightsValue time_at(std::int64_t milliseconds) {
  constexpr std::int64_t limit = 1LL << 50;
  return insights_time(
      Timestamp(std::chrono::milliseconds(std::clamp(milliseconds, -limit, limit))));
}

enum class Round : std::uint8_t { down, up };

template <Round round>
InsightsValue date_to(Arguments arguments) {
  const auto time = milliseconds_of(arguments[0]);
  const auto period = period_of(text_at(arguments, 1));
  if (!time || !period) return {};
  const std::int64_t step = std::max<std::int64_t>(*period / 1'000, 1);
  const std::int64_t rest = ((*time % step) + step) % step;
  return time_at(*time - rest + (round == Round::up && rest > 0 ? step : 0));
}

InsightsValue from_millis(Arguments arguments) {
  const auto number = number_in(arguments[0]);
  if (!number || std::abs(*number) > 1e15) return {};
  return time_at(static_cast<std::int64_t>(*number));
}

InsightsValue to_millis(Arguments arguments) {
  const auto time = milliseconds_of(arguments[0]);
  if (!time) return {};
  return static_cast<double>(*time);
}

struct Entry {
  Function function = nullptr;  // null: bin(), and those that count rows
  ArgumentCount arguments{1, 1};
};

const std::map<std::string_view, Entry>& functions() {
  static const std::map<std::string_view, Entry> table = {
      {"abs", {of_number<std::abs>}},
      {"ceil", {of_number<std::ceil>}},
      {"floor", {of_number<std::floor>}},
      {"sqrt", {of_number<std::sqrt>}},
      {"log", {of_number<std::log>}},
      {"greatest", {extreme<true>, {1, any_number}}},
      {"least", {extreme<false>, {1, any_number}}},
      {"strlen",
       {[](Arguments in) -> InsightsValue { return static_cast<double>(text_at(in, 0).size()); }}},
      {"substr", {substr, {2, 3}}},
      {"replace", {replace, {3, 3}}},
      {"concat", {concat, {1, any_number}}},
      {"trim", {trim<true, true>, {1, 2}}},
      {"ltrim", {trim<true, false>, {1, 2}}},
      {"rtrim", {trim<false, true>, {1, 2}}},
      {"toupper", {[](Arguments in) -> InsightsValue { return to_upper(text_at(in, 0)); }}},
      {"tolower", {[](Arguments in) -> InsightsValue { return to_lower(text_at(in, 0)); }}},
      {"strcontains",
       {[](Arguments in) -> InsightsValue { return text_at(in, 0).contains(text_at(in, 1)); },
        {2, 2}}},
      {"ispresent", {[](Arguments in) -> InsightsValue { return is_present(in[0]); }}},
      {"isempty",
       {[](Arguments in) -> InsightsValue { return is_present(in[0]) && text_at(in, 0).empty(); }}},
      {"isblank", {[](Arguments in) -> InsightsValue {
         return text_at(in, 0).find_first_not_of(" \t\r\n") == std::string::npos;
       }}},
      {"coalesce", {coalesce, {1, any_number}}},
      {"frommillis", {from_millis}},
      {"tomillis", {to_millis}},
      {"datefloor", {date_to<Round::down>, {2, 2}}},
      {"dateceil", {date_to<Round::up>, {2, 2}}},
      {"bin", {nullptr, {1, 1}}},
      {"count", {nullptr, {0, 1}}},
      {"count_distinct", {nullptr}},
      {"countdistinct", {nullptr}},
      {"sum", {nullptr}},
      {"avg", {nullptr}},
      {"min", {nullptr}},
      {"max", {nullptr}},
      {"median", {nullptr}},
      {"stddev", {nullptr}},
      {"pct", {nullptr, {2, 2}}},
      {"percentile", {nullptr, {2, 2}}},
      {"earliest", {nullptr}},
      {"latest", {nullptr}},
      {"sortsfirst", {nullptr}},
      {"sortslast", {nullptr}},
  };
  return table;
}

}  // namespace

bool is_aggregate(std::string_view name) {
  const auto found = functions().find(name);
  return found != functions().end() && found->second.function == nullptr && name != "bin";
}

std::optional<ArgumentCount> arguments_of(std::string_view function) {
  const auto found = functions().find(function);
  if (found == functions().end()) return std::nullopt;
  return found->second.arguments;
}

std::optional<std::int64_t> period_of(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 1) return std::nullopt;
  struct Unit {
    std::string_view name;
    std::int64_t microseconds;
    std::int64_t most;
  };
  constexpr std::int64_t second = 1'000'000;
  constexpr Unit units[] = {{"ms", 1'000, 1'000},        {"s", second, 60},
                            {"m", 60 * second, 60},      {"h", 3'600 * second, 24},
                            {"d", 86'400 * second, 366}, {"w", 7 * 86'400 * second, 52}};
  for (const Unit& unit : units)
    if (std::string_view(at, end) == unit.name)
      return std::min(number, unit.most) * unit.microseconds;
  return std::nullopt;
}

InsightsValue apply_function(std::string_view name, Arguments arguments) {
  const auto found = functions().find(name);
  if (found == functions().end() || found->second.function == nullptr) return {};
  return found->second.function(arguments);
}

InsightsValue bin_of(const InsightsValue& time, std::string_view text) {
  const InsightsValue arguments[] = {time, std::string(text)};
  return date_to<Round::down>(arguments);
}

}  // namespace slipway::logs_door
