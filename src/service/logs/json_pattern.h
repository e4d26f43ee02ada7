// Filter patterns over messages that are JSON: "{ $.user.id = 1* && $.error NOT EXISTS }".
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/logs/block.h"
#include "service/logs/pattern_text.h"

namespace slipway::logs_door {

// A way into a JSON value: "$.a.b[0]", "$.a[*].b", "$.*", "$.['a.b']".
class JsonSelector {
 public:
  static Result<JsonSelector> take(PatternText& text);

  // Calls `each` with every value that it leads to, until that returns true; returns whether it
  // did.
  bool any_of(const boost::json::value& value, const auto& each) const {
    return any_of(value, 0, each);
  }
  const std::string& text() const { return text_; }
  // The names of members on the way.
  std::vector<std::string> names() const;

 private:
  struct Every {};  // member or item
  using Step = std::variant<std::string, std::size_t, Every>;

  static Result<Step> take_bracket(PatternText& text);
  bool any_of(const boost::json::value& value, std::size_t from, const auto& each) const;

  std::string text_;
  std::vector<Step> steps_;
};

// A condition on what a selector leads to. A field that is an object or an array meets none.
struct JsonCondition {
  enum class Kind : std::uint8_t { compared, is_null, is_true, is_false, absent };

  JsonSelector selector;
  Kind kind = Kind::compared;
  Relation relation = Relation::equal;
  PatternValue value = {};

  bool holds(const boost::json::value& message) const;
};

// Matches a message that is JSON and meets the formula.
class JsonPattern {
 public:
  static Result<JsonPattern> parse(std::string_view text);

  bool matches(std::string_view message) const;
  // What the selectors of a message that matches lead to, by "$.selector".
  std::map<std::string, std::string> extract(std::string_view message) const;
  logs::Needles needles() const;
  bool is_exhausted() const;

 private:
  Formula<JsonCondition> formula_;
};

}  // namespace slipway::logs_door
