#include "engine/events/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "engine/events/condition.h"

namespace slipway::events {

namespace json = boost::json;
using Kind = FilterCondition::Kind;

// All keys must match; of `any_of`, one.
struct Filter::Policy {
  struct Key {
    std::string name;
    std::vector<FilterCondition> conditions;  // one must match, or
    std::unique_ptr<const Policy> nested;     // this
  };
  std::vector<Key> keys;
  std::vector<std::vector<Policy>> any_of;  // each "$or"

  static Result<Policy> parse(const json::object& object, FilterScope scope, std::size_t depth);
  static Result<Key> parse_key(std::string_view name, const json::value& value, FilterScope scope,
                               std::size_t depth);
  static Result<std::vector<Policy>> parse_or(const json::value& value, FilterScope scope,
                                              std::size_t depth);
  Result<> check_ranges() const;
  std::size_t leaves() const;
  double combinations(std::size_t depth) const;
  bool matches(const std::vector<const json::value*>& objects) const;
};

namespace {

using Values = std::vector<const json::value*>;

// The value, or what stands in it where it is an array.
void open(const json::value& value, Values& out) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& each : *items) open(each, out);
  } else {
    out.push_back(&value);
  }
}

// What stands at `name` in any of `objects`, arrays opened. A dot in the name may also be a step
// into an object, as for AWS, which joins the names of objects within each other before it compares
// them.
//
// Goes by what the objects hold, each of which is looked at once: a name is a stranger's, may be as
// long as a policy, and has dots in any number, and everyone's notifications wait for it.
Values values_at(const Values& objects, std::string_view name) {
  Values out;
  for (const json::value* each : objects) {
    const json::object* const object = each->if_object();
    if (!object) continue;
    for (const auto& [key, value] : *object) {
      if (std::string_view(key) == name) {
        open(value, out);
      } else if (name.size() > key.size() && name[key.size()] == '.' && name.starts_with(key)) {
        Values inside;
        open(value, inside);
        std::ranges::copy(values_at(inside, name.substr(key.size() + 1)), std::back_inserter(out));
      }
    }
  }
  return out;
}

bool is_one_of(const Values& values, const std::vector<FilterCondition>& conditions) {
  return std::ranges::any_of(conditions, [&](const FilterCondition& condition) {
    if (condition.kind == Kind::exists) return !values.empty();
    if (condition.kind == Kind::absent) return values.empty();
    return std::ranges::any_of(values, [&](const json::value* value) {
      return !value->is_object() && condition.matches(*value);
    });
  });
}

// Attributes as the object that a policy looks at: numbers as numbers, String.Array as an array;
// binary ones are not looked at.
json::value to_value(const Attributes& attributes) {
  json::object out;
  for (const Attribute& each : attributes) {
    if (each.form == Attribute::Form::binary) continue;
    if (each.type.starts_with("Number")) {
      double number = 0;
      const char* begin = each.value.data() + (each.value.starts_with('+') ? 1 : 0);
      const char* end = each.value.data() + each.value.size();
      if (std::from_chars(begin, end, number).ptr == end) out[each.name] = number;
    } else if (each.type == "String.Array") {
      boost::system::error_code error;
      json::value items = json::parse(each.value, error);
      if (!error) out[each.name] = std::move(items);
    } else {
      out[each.name] = each.value;
    }
  }
  return out;
}

// Each value that an "anything-but" excludes counts as one: a choice, so that a message is compared
// with filter_combinations_max of them and not with as many as fit into a policy.
double values_of(const std::vector<FilterCondition>& conditions) {
  std::size_t out = 0;
  for (const FilterCondition& each : conditions)
    out += std::max<std::size_t>(each.others.size(), 1);
  return static_cast<double>(out);
}

}  // namespace

Result<Filter::Policy::Key> Filter::Policy::parse_key(std::string_view name,
                                                      const json::value& value, FilterScope scope,
                                                      std::size_t depth) {
  Key out{.name = std::string(name)};
  if (const json::array* conditions = value.if_array()) {
    if (conditions->empty()) return bad_filter("Empty arrays are not allowed");
    for (const json::value& each : *conditions) {
      TRY(FilterCondition condition, FilterCondition::parse(name, each));
      out.conditions.push_back(std::move(condition));
    }
    return out;
  }
  const json::object* nested = value.if_object();
  if (!nested) return bad_filter(fmt::format("\"{}\" must be an object or an array", name));
  if (scope == FilterScope::attributes)
    return fail(ErrorCode::invalid_argument,
                "Filter policy scope MessageAttributes does not support nested filter policy",
                "nested_filter");
  if (nested->empty()) return bad_filter("Empty objects are not allowed");
  TRY(Policy policy, parse(*nested, scope, depth + 1));
  out.nested = std::make_unique<const Policy>(std::move(policy));
  return out;
}

Result<std::vector<Filter::Policy>> Filter::Policy::parse_or(const json::value& value,
                                                             FilterScope scope, std::size_t depth) {
  const json::array* policies = value.if_array();
  if (!policies || policies->size() < 2)
    return bad_filter("\"$or\" must be an array of at least two objects");
  std::vector<Policy> out;
  for (const json::value& each : *policies) {
    if (!each.is_object() || each.as_object().empty())
      return bad_filter("\"$or\" must be an array of at least two objects");
    TRY(Policy policy, parse(each.as_object(), scope, depth + 1));
    out.push_back(std::move(policy));
  }
  return out;
}

Result<Filter::Policy> Filter::Policy::parse(const json::object& object, FilterScope scope,
                                             std::size_t depth) {
  if (depth > filter_depth_max) return bad_filter("Filter policy is nested too deeply");
  Policy out;
  for (const auto& [name, value] : object) {
    if (name == "$or") {
      TRY(std::vector<Policy> policies, parse_or(value, scope, depth));
      out.any_of.push_back(std::move(policies));
    } else {
      TRY(Key key, parse_key(name, value, scope, depth));
      out.keys.push_back(std::move(key));
    }
  }
  return out;
}

Result<> Filter::Policy::check_ranges() const {
  for (const Key& key : keys) {
    for (const FilterCondition& each : key.conditions) TRY_DO(each.check_range());
    if (key.nested) TRY_DO(key.nested->check_ranges());
  }
  for (const auto& policies : any_of)
    for (const Policy& each : policies) TRY_DO(each.check_ranges());
  return {};
}

std::size_t Filter::Policy::leaves() const {
  std::size_t out = 0;
  for (const Key& key : keys) out += key.nested ? key.nested->leaves() : 1;
  for (const auto& policies : any_of)
    for (const Policy& each : policies) out += each.leaves();
  return out;
}

// The product over the keys of how many values each has, times how deep it stands; of "$or", the
// sum.
double Filter::Policy::combinations(std::size_t depth) const {
  double out = 1;
  for (const Key& key : keys)
    out *= key.nested ? key.nested->combinations(depth + 1)
                      : values_of(key.conditions) * static_cast<double>(depth);
  for (const auto& policies : any_of) {
    double sum = 0;
    for (const Policy& each : policies) sum += each.combinations(depth);
    out *= sum;
  }
  return out;
}

bool Filter::Policy::matches(const Values& objects) const {
  for (const Key& key : keys) {
    const Values values = values_at(objects, key.name);
    if (key.nested ? !key.nested->matches(values) : !is_one_of(values, key.conditions))
      return false;
  }
  return std::ranges::all_of(any_of, [&](const std::vector<Policy>& policies) {
    return std::ranges::any_of(policies, [&](const Policy& each) { return each.matches(objects); });
  });
}

Filter::Filter(std::unique_ptr<const Policy> policy, FilterScope scope)
    : policy_(std::move(policy)), scope_(scope) {}
Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

Result<Filter> Filter::parse(std::string_view text, FilterScope scope) {
  if (text.size() > filter_bytes_max) return bad_filter("Filter policy is too large");
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return bad_filter("failed to parse JSON.");
  TRY(Policy policy, Policy::parse(value.as_object(), scope, 1));
  if (policy.leaves() > filter_keys_max)
    return bad_filter(fmt::format("Filter policy can not have more than {} keys", filter_keys_max));
  if (policy.combinations(1) > static_cast<double>(filter_combinations_max))
    return fail(ErrorCode::limit_exceeded, "Filter policy is too complex", "filter_too_large");
  return Filter(std::make_unique<const Policy>(std::move(policy)), scope);
}

Result<> Filter::check_ranges() const { return policy_->check_ranges(); }

bool Filter::matches(const Attributes& attributes, std::string_view body) const {
  json::value value;
  if (scope_ == FilterScope::attributes) {
    value = to_value(attributes);
  } else {
    boost::system::error_code error;
    value = json::parse({body.data(), body.size()}, error);
    if (error || !value.is_object()) return false;
  }
  return policy_->matches({&value});
}

}  // namespace slipway::events
