// What the three kinds of filter patterns have in common: their text as it is read, the values that
// fields are compared with, and conditions joined by && and ||.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "service/logs/line_regex.h"

namespace slipway::logs_door {

// Limits.
inline constexpr std::size_t pattern_regexes_max = 2;
inline constexpr std::size_t pattern_wildcards_max = 16;
inline constexpr int pattern_depth_max = 32;

// InvalidParameterException: "Invalid filter pattern: REASON".
std::unexpected<Error> bad_pattern(std::string_view reason);

// A number that is all of `text`.
std::optional<double> number_of(std::string_view text);

// Whether a text fits a pattern in which each '*' stands for any text.
bool fits_wildcards(std::string_view pattern, std::string_view text);

// A pattern as it is read. Borrows the text.
class PatternText {
 public:
  explicit PatternText(std::string_view text) : rest_(text) {}

  void skip_blanks();
  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }
  // Takes `word` where it stands next.
  bool take(std::string_view word);
  // Takes `word` where it stands next, whatever its case, and no letter follows.
  bool take_keyword(std::string_view word);
  // Takes the characters that are none of `ends` nor blanks.
  std::string_view take_until(std::string_view ends);
  // Takes a text in double quotes, which stand next.
  Result<std::string> take_quoted();
  // Takes an expression between '%', which stands next.
  Result<LineRegex> take_regex();

 private:
  std::string_view rest_;
  std::size_t regexes_ = 0;
};

// How a field is compared with a value.
enum class Relation : std::uint8_t { equal, unequal, less, greater, at_most, at_least };

// Takes a relation, which stands next.
Result<Relation> take_relation(PatternText& text);

// What a field is compared with: a text in which '*' stands for any text, a number, or a regular
// expression.
class PatternValue {
 public:
  // Takes it from a pattern, where an unquoted one ends before one of `ends`.
  static Result<PatternValue> take(PatternText& text, std::string_view ends);

  // Whether the relation holds for a field of this text; for one that is a number, by its value.
  bool holds(Relation relation, std::string_view field) const;

  bool is_number() const { return number_.has_value(); }
  // The text that a field equal to this has; nothing where it could have another.
  std::optional<std::string> exact_text() const;
  bool is_exhausted() const { return regex_ && regex_->is_exhausted(); }

 private:
  bool equals(std::string_view field) const;

  std::string text_;
  std::optional<double> number_;
  std::optional<LineRegex> regex_;
};

// Conditions joined by && (which binds more closely) and ||.
template <typename Condition>
struct Formula {
  enum class Kind : std::uint8_t { condition, all, any };
  Kind kind = Kind::all;
  std::vector<Formula> parts = {};
  std::optional<Condition> condition = {};

  // `test(condition)` says whether one holds.
  bool holds(const auto& test) const {
    if (kind == Kind::condition) return test(*condition);
    for (const Formula& part : parts)
      if (part.holds(test) == (kind == Kind::any)) return kind == Kind::any;
    return kind == Kind::all;
  }
  void for_each(const auto& each) const {
    if (condition) each(*condition);
    for (const Formula& part : parts) part.for_each(each);
  }
  // Those that hold wherever it does.
  void for_each_required(const auto& each) const {
    if (condition) each(*condition);
    if (kind == Kind::any && parts.size() > 1) return;
    for (const Formula& part : parts) part.for_each_required(each);
  }
};

// Reads a formula; `take_condition(PatternText&)` reads one condition.
template <typename Condition, typename Take>
Result<Formula<Condition>> take_formula(PatternText& text, const Take& take_condition,
                                        int depth = 0) {
  using Kind = Formula<Condition>::Kind;
  if (depth > pattern_depth_max) return bad_pattern("too many parentheses");
  Formula<Condition> any{.kind = Kind::any};
  do {
    Formula<Condition> all{.kind = Kind::all};
    do {
      text.skip_blanks();
      if (text.take("(")) {
        TRY(auto inner, take_formula<Condition>(text, take_condition, depth + 1));
        if (!text.take(")")) return bad_pattern("a parenthesis is not closed");
        all.parts.push_back(std::move(inner));
      } else {
        TRY(auto condition, take_condition(text));
        all.parts.push_back({.kind = Kind::condition, .condition = std::move(condition)});
      }
      text.skip_blanks();
    } while (text.take("&&"));
    any.parts.push_back(std::move(all));
  } while (text.take("||"));
  return any;
}

}  // namespace slipway::logs_door
