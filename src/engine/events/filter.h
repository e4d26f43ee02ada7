// What a subscriber wants to hear of: a policy over a notification's attributes or the JSON in its
// body.
//
// A policy is an object whose keys must all match. A key's array matches where one of the values at
// that key matches one of its conditions: a text, a number, true, false, null, or an object that is
// {"prefix": t}, {"suffix": t}, {"wildcard": t}, {"equals-ignore-case": t}, {"cidr":
// "10.0.0.0/24"},
// {"numeric": [">", 0, "<=", 5]}, {"exists": true|false} or {"anything-but": ...}. "$or" holds an
// array of policies of which one must match. Over a body, objects nest.
// docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "engine/events/message.h"
#include "engine/events/topics.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t filter_bytes_max = 256 * 1024;
inline constexpr std::size_t filter_keys_max = 5;
inline constexpr std::size_t filter_combinations_max = 150;
inline constexpr std::size_t filter_depth_max = 32;
inline constexpr double filter_number_max = 1e9;

// A policy that was read and checked. Immutable: any thread may ask.
class Filter {
 public:
  // invalid_argument with what is wrong, kind "bad_filter", or "nested_filter" for objects within a
  // policy of attributes; limit_exceeded, kind "filter_too_large", past filter_combinations_max.
  static Result<Filter> parse(std::string_view policy, FilterScope scope);

  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  // Refuses, as parse() does, a range of numbers that does not go from a bottom to a top above it.
  // A new policy has none; those that were stored before this was asked still mean what they say.
  Result<> check_ranges() const;

  // A body that is no JSON object matches nothing.
  bool matches(const Attributes& attributes, std::string_view body) const;

 private:
  struct Policy;
  explicit Filter(std::unique_ptr<const Policy> policy, FilterScope scope);

  std::unique_ptr<const Policy> policy_;
  FilterScope scope_;
};

}  // namespace slipway::events
