// One condition of a filter policy, and the values that it looks at.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::events {

// A text, number, true, false or null.
using Scalar = boost::json::value;

// Is one condition of a filter policy on one key. Immutable once read.
struct FilterCondition {
  enum class Kind : std::uint8_t {
    equal,
    prefix,
    suffix,
    wildcard,
    ignore_case,
    cidr,
    numeric,
    exists,
    absent,
    anything_but,
  };

  Kind kind = Kind::equal;
  Scalar value = {};  // equal
  std::string text = {};
  // numeric: each comparison ("<", "<=", "=", ">=", ">") with its number.
  std::vector<std::pair<std::string, double>> comparisons = {};
  // cidr: the bits of the network, and how many of them count.
  std::vector<std::uint8_t> network = {};
  unsigned network_bits = 0;
  std::vector<FilterCondition> others = {};  // anything_but: none of these

  // `element` of the array at `key`. invalid_argument, kind "bad_filter".
  static Result<FilterCondition> parse(std::string_view key, const boost::json::value& element);

  // As for Filter::check_ranges().
  Result<> check_range() const;

  // Of one value; `exists` and `absent` are asked of the key by filter.cc.
  bool matches(const Scalar& value) const;
};

// A filter's own error.
std::unexpected<Error> bad_filter(std::string message);

}  // namespace slipway::events
