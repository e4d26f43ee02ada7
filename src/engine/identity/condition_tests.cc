#include "engine/identity/condition_tests.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/text.h"
#include "engine/identity/policy.h"

namespace slipway::identity {
namespace {

bool equal(std::string_view wanted, std::string_view given) { return wanted == given; }

// Digits with a sign, a point and an exponent; not the other words that a number can be written by.
std::optional<double> number(std::string_view text) {
  if (text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool read = error == std::errc{} && end == text.data() + text.size();
  return read && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

// The number that stands up to `end`, which is taken off; `otherwise` where nothing stands there.
std::optional<std::int64_t> next_number(std::string_view& text, char end, std::int64_t least,
                                        std::int64_t most, std::int64_t otherwise) {
  const std::string_view digits = take_until(text, end);
  return digits.empty() ? std::optional(otherwise) : whole(digits, least, most);
}

// Days since 1970 of "2024-05-01", "2024-05", "2024" or a year before our era, in the calendar of
// today. A year begins in March here, so that its leap day is its last.
std::optional<double> day_number(std::string_view text) {
  constexpr std::int64_t years_max = 292'278'993;  // as far as milliseconds in 64 bits reach
  constexpr std::int64_t days_per_era = 146'097, years_per_era = 400, days_to_1970 = 719'468;
  const bool before_era = text.starts_with('-');
  if (before_era) text.remove_prefix(1);
  auto year = whole(take_until(text, '-'), 0, years_max);
  const auto month = next_number(text, '-', 1, 12, 1);
  const auto day = next_number(text, '-', 1, 31, 1);
  if (!year || !month || !day || !text.empty()) return std::nullopt;
  if (before_era) year = -*year;
  if (*month <= 2) --*year;
  const std::int64_t era = (*year >= 0 ? *year : *year - years_per_era + 1) / years_per_era;
  const std::int64_t year_of_era = *year - era * years_per_era;
  const std::int64_t day_of_year = (153 * (*month + (*month > 2 ? -3 : 9)) + 2) / 5 + *day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<double>(era * days_per_era + day_of_era - days_to_1970);
}

// Seconds that a zone is ahead of UTC: "z", "+01", "-01:30" or nothing.
std::optional<std::int64_t> zone_seconds(std::string_view text) {
  if (text.empty() || text == "z") return 0;
  const std::int64_t sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const std::string_view hours_text = take_until(text, ':');
  const auto hours = whole(hours_text, 0, 23);
  const auto minutes = text.empty() ? std::optional<std::int64_t>(0) : whole(text, 0, 59);
  const bool two_digits = hours_text.size() == 2 && (text.empty() || text.size() == 2);
  if (!hours || !minutes || !two_digits) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

// Seconds of "12:34:56.789z", of which all but the hours may be left out.
std::optional<double> day_seconds(std::string_view text) {
  constexpr std::size_t fraction_digits_max = 9;
  const std::size_t end = std::min(text.find_first_of("z+-"), text.size());
  const auto ahead = zone_seconds(text.substr(end));
  text = text.substr(0, end);
  const auto hours = next_number(text, ':', 0, 23, 0);
  const auto minutes = next_number(text, ':', 0, 59, 0);
  const auto seconds = next_number(text, '.', 0, 59, 0);
  if (!ahead || !hours || !minutes || !seconds || text.size() > fraction_digits_max)
    return std::nullopt;
  const auto fraction = number(text.empty() ? "0" : fmt::format("0.{}", text));
  if (!fraction) return std::nullopt;
  return static_cast<double>(*hours * 3600 + *minutes * 60 + *seconds - *ahead) + *fraction;
}

// An instant as AWS takes it: a date and a time by W3C's profile of ISO 8601, with the ends left
// out and numbers as short as they come, or seconds since 1970. What AWS takes is compared
// too: a denial by a date that nobody reads would never hold.
std::optional<double> instant(std::string_view text) {
  constexpr double seconds_per_day = 86'400;
  constexpr std::string_view digits = "0123456789";
  const std::string lower_text = to_lower(text);
  if (text.find_first_not_of(digits) == text.npos) {
    const auto seconds = whole(text, 0, std::numeric_limits<std::int64_t>::max());
    return seconds ? std::optional(static_cast<double>(*seconds)) : std::nullopt;
  }
  if (lower_text.find_first_of("t-") == std::string::npos) return number(text);
  std::string_view rest = lower_text;
  const auto day = day_number(take_until(rest, 't'));
  const auto time = day_seconds(rest);
  return day && time ? std::optional(*day * seconds_per_day + *time) : std::nullopt;
}

template <auto Read, typename Order>
bool ordered(std::string_view wanted, std::string_view given) {
  const auto left = Read(given);
  const auto right = Read(wanted);
  return left && right && Order{}(*left, *right);
}

// Each of the six parts of a full name by itself: a '*' does not reach over a colon. A text with
// fewer parts names nothing.
bool name_like(std::string_view wanted, std::string_view given) {
  for (int part = 0; part < 5; ++part) {
    const std::size_t wanted_end = wanted.find(':');
    const std::size_t given_end = given.find(':');
    if (wanted_end == std::string_view::npos || given_end == std::string_view::npos) return false;
    if (!matches_wildcard(wanted.substr(0, wanted_end), given.substr(0, given_end))) return false;
    wanted.remove_prefix(wanted_end + 1);
    given.remove_prefix(given_end + 1);
  }
  return matches_wildcard(wanted, given);
}

// An address of either family as bits, v4 behind a mark of its own.
struct Address {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;
};

std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  Address address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1)
    address.bits = 32;
  else if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1)
    address.bits = 128;
  else
    return std::nullopt;
  return address;
}

bool same_leading_bits(const Address& a, const Address& b, int count) {
  for (int bit = 0; bit < count; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    if (((a.bytes[byte] ^ b.bytes[byte]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

// "203.0.113.0/24", "2001:db8::/32" or a single address.
bool in_network(std::string_view wanted, std::string_view given) {
  const std::size_t slash = wanted.find('/');
  const auto network = parse_address(wanted.substr(0, slash));
  const auto address = parse_address(given);
  if (!network || !address || network->bits != address->bits) return false;
  if (slash == std::string_view::npos) return same_leading_bits(*network, *address, network->bits);
  const auto prefix = number(wanted.substr(slash + 1));
  if (!prefix || *prefix < 0 || *prefix > network->bits) return false;
  return same_leading_bits(*network, *address, static_cast<int>(*prefix));
}

using enum ConditionTest::Sense;
using enum ConditionTest::Values;
using enum ConditionTest::Variables;

constexpr ConditionTest tests[] = {
    {"StringEquals", equal, positive, filled},
    {"StringNotEquals", equal, negated, filled},
    {"StringEqualsIgnoreCase", equal_ignoring_case, positive, filled},
    {"StringNotEqualsIgnoreCase", equal_ignoring_case, negated, filled},
    {"StringLike", matches_wildcard, positive, filled, patterns},
    {"StringNotLike", matches_wildcard, negated, filled, patterns},
    {"NumericEquals", ordered<number, std::equal_to<>>, positive, literal},
    {"NumericNotEquals", ordered<number, std::equal_to<>>, negated, literal},
    {"NumericLessThan", ordered<number, std::less<>>, positive, literal},
    {"NumericLessThanEquals", ordered<number, std::less_equal<>>, positive, literal},
    {"NumericGreaterThan", ordered<number, std::greater<>>, positive, literal},
    {"NumericGreaterThanEquals", ordered<number, std::greater_equal<>>, positive, literal},
    {"DateEquals", ordered<instant, std::equal_to<>>, positive, literal},
    {"DateNotEquals", ordered<instant, std::equal_to<>>, negated, literal},
    {"DateLessThan", ordered<instant, std::less<>>, positive, literal},
    {"DateLessThanEquals", ordered<instant, std::less_equal<>>, positive, literal},
    {"DateGreaterThan", ordered<instant, std::greater<>>, positive, literal},
    {"DateGreaterThanEquals", ordered<instant, std::greater_equal<>>, positive, literal},
    {"Bool", equal_ignoring_case, positive, literal},
    {"BinaryEquals", equal, positive, literal},
    {"IpAddress", in_network, positive, literal},
    {"NotIpAddress", in_network, negated, literal},
    {"ArnEquals", name_like, positive, filled, patterns},
    {"ArnLike", name_like, positive, filled, patterns},
    {"ArnNotEquals", name_like, negated, filled, patterns},
    {"ArnNotLike", name_like, negated, filled, patterns},
    {"Null", equal_ignoring_case, positive, literal},
};

}  // namespace

const ConditionTest* find_condition_test(std::string_view name) {
  const auto* found = std::ranges::find(tests, name, &ConditionTest::name);
  return found == std::end(tests) ? nullptr : found;
}

const ConditionTest* presence_test() { return &std::end(tests)[-1]; }

}  // namespace slipway::identity
