#include "service/logs/json_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "service/logs/json_text.h"

namespace slipway::logs_door {

namespace json = boost::json;

namespace {

constexpr std::string_view selector_ends = "=!<>()&|{}.[,\"";

// A field's text, as it is compared; nothing for what is no scalar.
std::optional<std::string> scalar_text(const json::value& value) {
  if (!value.is_string() && !value.is_number()) return std::nullopt;
  return json_text(value);
}

std::optional<json::value> read(std::string_view message, json::storage_ptr memory) {
  const std::size_t first = message.find_first_not_of(" \t\r\n");
  if (first == message.npos || (message[first] != '{' && message[first] != '['))
    return std::nullopt;
  boost::system::error_code error;
  json::value value = json::parse({message.data(), message.size()}, error, std::move(memory));
  if (error) return std::nullopt;
  return value;
}

// What a text is in JSON, where nobody may have written it in another way but by "\u00..".
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ' ';
  });
}

}  // namespace

bool JsonSelector::any_of(const json::value& value, std::size_t from, const auto& each) const {
  if (from == steps_.size()) return each(value);
  const Step& step = steps_[from];
  if (const auto* const name = std::get_if<std::string>(&step)) {
    const auto* const member = value.is_object() ? value.get_object().if_contains(*name) : nullptr;
    return member && any_of(*member, from + 1, each);
  }
  if (const auto* const index = std::get_if<std::size_t>(&step)) {
    const bool is_there = value.is_array() && *index < value.get_array().size();
    return is_there && any_of(value.get_array()[*index], from + 1, each);
  }
  if (value.is_array())
    return std::ranges::any_of(
        value.get_array(), [&](const json::value& item) { return any_of(item, from + 1, each); });
  return value.is_object() && std::ranges::any_of(value.get_object(), [&](const auto& member) {
           return any_of(member.value(), from + 1, each);
         });
}

Result<JsonSelector> JsonSelector::take(PatternText& text) {
  text.skip_blanks();
  const std::string_view begin = text.rest();
  if (!text.take("$")) return bad_pattern("a selector begins with $");
  JsonSelector selector;
  std::size_t wildcards = 0;
  for (;;) {
    Step step;
    if (text.take("[") || text.take(".[")) {
      TRY(step, take_bracket(text));
    } else if (text.take(".")) {
      const std::string_view name = text.take_until(selector_ends);
      if (name.empty()) return bad_pattern("a selector lacks a name");
      if (name == "*")
        step = Every();
      else
        step = std::string(name);
    } else {
      break;
    }
    if (std::holds_alternative<Every>(step) && ++wildcards > 1)
      return bad_pattern("a selector has more than one wildcard");
    selector.steps_.push_back(std::move(step));
  }
  if (selector.steps_.empty()) return bad_pattern("a selector lacks a name");
  selector.text_ = begin.substr(0, begin.size() - text.rest().size());
  return selector;
}

// Behind "[": an index, '*' or a name in single quotes.
Result<JsonSelector::Step> JsonSelector::take_bracket(PatternText& text) {
  if (text.take("'")) {
    const std::size_t end = text.rest().find("']");
    if (end == std::string_view::npos) return bad_pattern("a name in a selector is not closed");
    std::string name(text.rest().substr(0, end));
    text.take(name);
    text.take("']");
    return name;
  }
  const std::string index(text.take_until("]"));
  if (!text.take("]")) return bad_pattern("a bracket in a selector is not closed");
  if (index == "*") return Every();
  const bool is_number = !index.empty() && index.size() < 10 &&
                         index.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) return bad_pattern("an index in a selector is no number");
  return static_cast<std::size_t>(std::stoul(index));
}

std::vector<std::string> JsonSelector::names() const {
  std::vector<std::string> names;
  for (const Step& step : steps_)
    if (const auto* const name = std::get_if<std::string>(&step)) names.push_back(*name);
  return names;
}

bool JsonCondition::holds(const json::value& message) const {
  switch (kind) {
    case Kind::absent: return !selector.any_of(message, [](const auto&) { return true; });
    case Kind::is_null:
      return selector.any_of(message, [](const json::value& field) { return field.is_null(); });
    case Kind::is_true:
    case Kind::is_false:
      return selector.any_of(message, [&](const json::value& field) {
        return field.is_bool() && field.get_bool() == (kind == Kind::is_true);
      });
    case Kind::compared: break;
  }
  return selector.any_of(message, [&](const json::value& field) {
    const auto text = scalar_text(field);
    return text && value.holds(relation, *text);
  });
}

namespace {

// A value ends where the formula goes on.
constexpr std::string_view value_ends = ")&|}";

Result<JsonCondition> take_condition(PatternText& text) {
  using Kind = JsonCondition::Kind;
  JsonCondition condition;
  TRY(condition.selector, JsonSelector::take(text));
  text.skip_blanks();
  if (text.take_keyword("NOT")) {
    text.skip_blanks();
    if (!text.take_keyword("EXISTS")) return bad_pattern("NOT is followed by EXISTS");
    condition.kind = Kind::absent;
    return condition;
  }
  if (text.take_keyword("IS")) {
    text.skip_blanks();
    if (text.take_keyword("NULL"))
      condition.kind = Kind::is_null;
    else if (text.take_keyword("TRUE"))
      condition.kind = Kind::is_true;
    else if (text.take_keyword("FALSE"))
      condition.kind = Kind::is_false;
    else
      return bad_pattern("IS is followed by NULL, TRUE or FALSE");
    return condition;
  }
  TRY(condition.relation, take_relation(text));
  TRY(condition.value, PatternValue::take(text, value_ends));
  const bool is_order =
      condition.relation != Relation::equal && condition.relation != Relation::unequal;
  if (is_order && !condition.value.is_number())
    return bad_pattern("a comparison by size is with a number");
  return condition;
}

}  // namespace

Result<JsonPattern> JsonPattern::parse(std::string_view given) {
  PatternText text(given);
  text.skip_blanks();
  if (!text.take("{")) return bad_pattern("it does not begin with {");
  JsonPattern pattern;
  TRY(pattern.formula_, take_formula<JsonCondition>(text, take_condition));
  if (!text.take("}")) return bad_pattern("it does not end with }");
  text.skip_blanks();
  if (!text.at_end()) return bad_pattern("something follows the closing }");
  return pattern;
}

bool JsonPattern::matches(std::string_view message) const {
  // Most messages take no more memory than this.
  std::array<unsigned char, 8192> memory;
  json::monotonic_resource resource(memory.data(), memory.size());
  const auto value = read(message, &resource);
  return value &&
         formula_.holds([&](const JsonCondition& condition) { return condition.holds(*value); });
}

std::map<std::string, std::string> JsonPattern::extract(std::string_view message) const {
  std::map<std::string, std::string> out;
  const auto value = read(message, {});
  if (!value) return out;
  formula_.for_each([&](const JsonCondition& condition) {
    condition.selector.any_of(*value, [&](const json::value& field) {
      const auto text = scalar_text(field);
      out[condition.selector.text()] = text ? *text : json::serialize(field);
      return true;
    });
  });
  return out;
}

// Names and texts stand in the message as they are, unless it writes a character by its number.
logs::Needles JsonPattern::needles() const {
  logs::Needles needles;
  const auto add = [&](std::string text) {
    if (is_plain(text)) needles.push_back({std::move(text), "\\u00"});
  };
  formula_.for_each_required([&](const JsonCondition& condition) {
    if (condition.kind == JsonCondition::Kind::absent) return;
    for (std::string& name : condition.selector.names()) add(std::move(name));
    if (condition.kind != JsonCondition::Kind::compared) return;
    if (condition.relation != Relation::equal) return;
    if (auto text = condition.value.exact_text()) add(*std::move(text));
  });
  return needles;
}

bool JsonPattern::is_exhausted() const {
  bool exhausted = false;
  formula_.for_each(
      [&](const JsonCondition& condition) { exhausted |= condition.value.is_exhausted(); });
  return exhausted;
}

}  // namespace slipway::logs_door
