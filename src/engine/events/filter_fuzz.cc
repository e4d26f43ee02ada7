// Filter policies and what they are asked of, by laws that hold for any: a policy means what it did
// when it is written anew or named twice, a condition on text agrees with a plain reading of it,
// "anything-but" is the opposite, and of two numbers one relation holds. The first line is a policy
// or one of its values, the rest a body or another value.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/events/filter.h"

namespace slipway::events {
namespace {

namespace json = boost::json;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

json::value read(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  return error ? json::value(json::object()) : value;
}

Result<Filter> filter_of(const json::value& policy) {
  return Filter::parse(json::serialize(policy), FilterScope::body);
}

// {"a": [condition]} of {"a": value}.
bool holds(const json::value& condition, const json::value& value) {
  const auto filter = filter_of({{"a", json::array{condition}}});
  check(filter.has_value());
  return filter->matches({}, json::serialize(json::object{{"a", value}}));
}

void try_policy(std::string_view policy, std::string_view body) {
  const auto filter = Filter::parse(policy, FilterScope::body);
  if (!filter) {
    check(!filter.error().message.empty());
    return;
  }
  const bool matches = filter->matches({}, body);
  const auto again = filter_of(read(policy));
  check(again && again->matches({}, body) == matches);
  const auto twice = filter_of({{"$or", json::array{read(policy), read(policy)}}});
  if (twice) check(twice->matches({}, body) == matches);
  (void)Filter::parse(policy, FilterScope::attributes);
}

// Whether '*' in `pattern` can stand for something so that it is `text`, character by character.
bool fits(std::string_view pattern, std::string_view text) {
  std::vector<char> reached(text.size() + 1);  // after so much of the text
  reached[0] = 1;
  for (const char c : pattern) {
    if (c == '*') {
      for (std::size_t i = 1; i <= text.size(); ++i) reached[i] |= reached[i - 1];
      continue;
    }
    for (std::size_t i = text.size(); i > 0; --i) reached[i] = reached[i - 1] && text[i - 1] == c;
    reached[0] = 0;
  }
  return reached[text.size()] != 0;
}

void try_texts(std::string_view pattern, std::string_view text) {
  const json::value value = json::string(text);
  const json::value written = json::array{json::string(pattern), value};
  if (read(json::serialize(written)) != written) return;  // no UTF-8
  const struct {
    std::string_view kind;
    bool right;
  } kinds[] = {{"prefix", text.substr(0, pattern.size()) == pattern},
               {"suffix", text.size() >= pattern.size() &&
                              text.substr(text.size() - pattern.size()) == pattern},
               {"wildcard", fits(pattern, text)},
               {"equals-ignore-case", to_lower(pattern) == to_lower(text)}};
  for (const auto& [kind, right] : kinds) {
    const json::object condition{{kind, pattern}};
    check(holds(condition, value) == right);
    check(holds(json::object{{"anything-but", condition}}, value) == !right);
    check(holds(condition, json::array{1, json::array{value}}) == right);
    const std::string policy = json::serialize(json::object{{"a", json::array{condition}}});
    const auto of_attributes = Filter::parse(policy, FilterScope::attributes);
    const Attributes attributes{{.name = "a", .type = "String", .value = std::string(text)}};
    check(of_attributes && of_attributes->matches(attributes, "") == right);
  }
}

void try_numbers(const json::value& number, const json::value& value) {
  const auto is = [&](std::string_view relation) {
    return holds(json::object{{"numeric", json::array{relation, number}}}, value);
  };
  const bool less = is("<"), equal = is("="), greater = is(">");
  check(less + equal + greater == 1);
  check(is("<=") == (less || equal) && is(">=") == (greater || equal));
  check(holds(number, value) == equal);
}

void try_values(const json::value& wanted, const json::value& value) {
  if (value.is_object() || value.is_array()) return;
  if (!filter_of({{"a", json::array{wanted}}})) return;
  const json::object opposite{{"anything-but", wanted}};
  if (filter_of({{"a", json::array{opposite}}}))
    check(holds(wanted, value) == !holds(opposite, value));
  if (wanted.is_number() && value.is_number()) try_numbers(wanted, value);
}

}  // namespace
}  // namespace slipway::events

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::events;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view first = all.substr(0, all.find('\n'));
  const std::string_view rest = all.substr(std::min(size, first.size() + 1));
  try_policy(first, rest);
  try_texts(first, rest);
  try_values(read(first), read(rest));
  return 0;
}
