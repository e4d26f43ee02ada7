#include "service/logs/pattern_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "service/errors.h"

namespace slipway::logs_door {

namespace {

constexpr std::string_view blanks = " \t\r\n";
// What an expression between '%' may be written in, besides letters and digits.
constexpr std::string_view regex_characters = ":_#=@/;,-^$?[]{}|\\*+. ";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool compare(Relation relation, double field, double value) {
  switch (relation) {
    case Relation::equal: return field == value;
    case Relation::unequal: return field != value;
    case Relation::less: return field < value;
    case Relation::greater: return field > value;
    case Relation::at_most: return field <= value;
    case Relation::at_least: return field >= value;
  }
  return false;
}

}  // namespace

std::unexpected<Error> bad_pattern(std::string_view reason) {
  return service::refuse("InvalidParameterException",
                         fmt::format("Invalid filter pattern: {}", reason));
}

std::optional<double> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end || !std::isfinite(number))
    return std::nullopt;
  return number;
}

bool fits_wildcards(std::string_view pattern, std::string_view text) {
  const std::size_t first = pattern.find('*');
  if (first == pattern.npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, first))) return false;
  text.remove_prefix(first);
  pattern.remove_prefix(first + 1);
  // Each part between two wildcards where it fits first; the last one at the end.
  for (std::size_t next = 0; (next = pattern.find('*')) != pattern.npos;) {
    const std::size_t found = text.find(pattern.substr(0, next));
    if (found == text.npos) return false;
    text.remove_prefix(found + next);
    pattern.remove_prefix(next + 1);
  }
  return text.ends_with(pattern);
}

void PatternText::skip_blanks() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
}

bool PatternText::take(std::string_view word) {
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool PatternText::take_keyword(std::string_view word) {
  if (!starts_with_ignoring_case(rest_, word)) return false;
  if (rest_.size() > word.size() && is_alphanumeric(rest_[word.size()])) return false;
  rest_.remove_prefix(word.size());
  return true;
}

std::string_view PatternText::take_until(std::string_view ends) {
  std::size_t size = 0;
  while (size < rest_.size() && !blanks.contains(rest_[size]) && !ends.contains(rest_[size]))
    ++size;
  const std::string_view out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

Result<std::string> PatternText::take_quoted() {
  std::string text;
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] == '"') {
      rest_.remove_prefix(i + 1);
      return text;
    }
    if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
    text += rest_[i];
  }
  return bad_pattern("a quotation mark is not closed");
}

Result<LineRegex> PatternText::take_regex() {
  const std::size_t end = rest_.find('%', 1);
  if (end == rest_.npos) return bad_pattern("a regular expression has no second %");
  const std::string expression(rest_.substr(1, end - 1));
  if (expression.empty()) return bad_pattern("a regular expression is empty");
  if (++regexes_ > pattern_regexes_max)
    return bad_pattern(fmt::format("it has more than {} regular expressions", pattern_regexes_max));
  for (const char c : expression)
    if (!is_alphanumeric(c) && !regex_characters.contains(c))
      return bad_pattern(fmt::format("a regular expression has the character '{}'", c));
  rest_.remove_prefix(end + 1);
  return LineRegex::compile(expression);
}

Result<Relation> take_relation(PatternText& text) {
  text.skip_blanks();
  // Of two that begin alike the longer one first.
  constexpr std::pair<std::string_view, Relation> relations[] = {
      {"!=", Relation::unequal}, {"<=", Relation::at_most}, {">=", Relation::at_least},
      {"=", Relation::equal},    {"<", Relation::less},     {">", Relation::greater}};
  for (const auto& [word, relation] : relations)
    if (text.take(word)) return relation;
  return bad_pattern("a comparison lacks its operator");
}

Result<PatternValue> PatternValue::take(PatternText& text, std::string_view ends) {
  PatternValue value;
  text.skip_blanks();
  if (text.peek() == '%') {
    TRY(value.regex_, text.take_regex());
    return value;
  }
  if (text.peek() == '"') {
    TRY(value.text_, text.take_quoted());
  } else {
    value.text_ = text.take_until(ends);
    if (value.text_.empty()) return bad_pattern("a comparison lacks its value");
    value.number_ = logs_door::number_of(value.text_);
  }
  if (static_cast<std::size_t>(std::ranges::count(value.text_, '*')) > pattern_wildcards_max)
    return bad_pattern("a value has too many wildcards");
  return value;
}

bool PatternValue::equals(std::string_view field) const {
  if (regex_) return regex_->matches(field);
  if (fits_wildcards(text_, field)) return true;
  if (!number_) return false;
  const auto number = logs_door::number_of(field);
  return number && *number == *number_;
}

bool PatternValue::holds(Relation relation, std::string_view field) const {
  if (relation == Relation::equal) return equals(field);
  if (relation == Relation::unequal) return !equals(field);
  const auto number = logs_door::number_of(field);
  return number_ && number && compare(relation, *number, *number_);
}

std::optional<std::string> PatternValue::exact_text() const {
  if (regex_ || number_ || text_.contains('*')) return std::nullopt;
  return text_;
}

}  // namespace slipway::logs_door
