#include "engine/identity/condition_tests.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "base/clock.h"
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

// An instant as W3C's profile of ISO 8601 writes it (a day, or a day with a time, whose seconds may
// be left out), or as seconds since 1970.
std::optional<double> instant(std::string_view text) {
  constexpr std::size_t day_size = std::string_view("2024-05-01").size();
  constexpr std::size_t minute_size = std::string_view("2024-05-01T12:34").size();
  std::string whole(text);
  if (text.size() == day_size && text[4] == '-') whole += "T00:00:00Z";
  if (text.size() > minute_size && text[minute_size] != ':') whole.insert(minute_size, ":00");
  if (const auto time = parse_iso8601(whole)) return to_epoch_seconds(*time);
  return number(text);
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
