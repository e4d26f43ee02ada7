#include "engine/identity/policy_tests.h"

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

using Compare = bool (*)(std::string_view wanted, std::string_view given);

bool equal(std::string_view wanted, std::string_view given) { return wanted == given; }

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An instant as ISO 8601, or as seconds since 1970.
std::optional<double> instant(std::string_view text) {
  if (const auto time = parse_iso8601(text)) return to_epoch_seconds(*time);
  return number(text);
}

template <auto Read, typename Order>
bool ordered(std::string_view wanted, std::string_view given) {
  const auto left = Read(given);
  const auto right = Read(wanted);
  return left && right && Order{}(*left, *right);
}

// Each of the six parts of a full name by itself: a '*' does not reach over a colon.
bool name_like(std::string_view wanted, std::string_view given) {
  for (int part = 0; part < 5; ++part) {
    const std::size_t wanted_end = wanted.find(':');
    const std::size_t given_end = given.find(':');
    if (wanted_end == std::string_view::npos || given_end == std::string_view::npos)
      return wanted_end == given_end && matches_wildcard(wanted, given);
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

enum class Sense : std::uint8_t { positive, negated };
struct Test {
  std::string_view name;
  Compare compare;
  Sense sense = Sense::positive;
};

constexpr Test tests[] = {
    {"StringEquals", equal},
    {"StringNotEquals", equal, Sense::negated},
    {"StringEqualsIgnoreCase", equal_ignoring_case},
    {"StringNotEqualsIgnoreCase", equal_ignoring_case, Sense::negated},
    {"StringLike", matches_wildcard},
    {"StringNotLike", matches_wildcard, Sense::negated},
    {"NumericEquals", ordered<number, std::equal_to<>>},
    {"NumericNotEquals", ordered<number, std::equal_to<>>, Sense::negated},
    {"NumericLessThan", ordered<number, std::less<>>},
    {"NumericLessThanEquals", ordered<number, std::less_equal<>>},
    {"NumericGreaterThan", ordered<number, std::greater<>>},
    {"NumericGreaterThanEquals", ordered<number, std::greater_equal<>>},
    {"DateEquals", ordered<instant, std::equal_to<>>},
    {"DateNotEquals", ordered<instant, std::equal_to<>>, Sense::negated},
    {"DateLessThan", ordered<instant, std::less<>>},
    {"DateLessThanEquals", ordered<instant, std::less_equal<>>},
    {"DateGreaterThan", ordered<instant, std::greater<>>},
    {"DateGreaterThanEquals", ordered<instant, std::greater_equal<>>},
    {"Bool", equal_ignoring_case},
    {"BinaryEquals", equal},
    {"IpAddress", in_network},
    {"NotIpAddress", in_network, Sense::negated},
    {"ArnEquals", name_like},
    {"ArnLike", name_like},
    {"ArnNotEquals", name_like, Sense::negated},
    {"ArnNotLike", name_like, Sense::negated},
    {"Null", equal_ignoring_case},
};

const Test* find_test(std::string_view name) {
  const auto* found = std::ranges::find(tests, name, &Test::name);
  return found == std::end(tests) ? nullptr : found;
}

}  // namespace

bool is_known_test(std::string_view name) { return find_test(name) != nullptr; }

bool is_negated(std::string_view name) {
  const Test* test = find_test(name);
  return test != nullptr && test->sense == Sense::negated;
}

bool holds(std::string_view name, std::string_view wanted, std::string_view given) {
  const Test* test = find_test(name);
  return test != nullptr && test->compare(wanted, given);
}

}  // namespace slipway::identity
