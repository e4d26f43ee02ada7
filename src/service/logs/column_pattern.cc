#include "service/logs/column_pattern.h"

#include <algorithm>

namespace slipway::logs_door {

namespace {

constexpr std::string_view name_ends = "=!<>,]&|()";
constexpr std::string_view value_ends = ",]&|)";

}  // namespace

// A condition after the first may leave its column's name out, or say it again.
Result<ColumnPattern::Condition> ColumnPattern::take_condition(PatternText& text,
                                                               std::string_view name) {
  text.skip_blanks();
  const std::string_view again = text.take_until(name_ends);
  if (!again.empty() && again != name)
    return bad_pattern("the conditions of one column name another");
  Condition condition;
  TRY(condition.relation, take_relation(text));
  TRY(condition.value, PatternValue::take(text, value_ends));
  const bool is_order =
      condition.relation != Relation::equal && condition.relation != Relation::unequal;
  if (is_order && !condition.value.is_number())
    return bad_pattern("a comparison by size is with a number");
  return condition;
}

Result<ColumnPattern::Column> ColumnPattern::take_column(PatternText& text) {
  text.skip_blanks();
  PatternText ahead = text;  // the name is read again with its condition
  while (ahead.take("(")) ahead.skip_blanks();
  Column column{.name = std::string(ahead.take_until(name_ends))};
  ahead.skip_blanks();
  if (ahead.at_end() || ahead.peek() == ',' || ahead.peek() == ']') {
    text = ahead;
    return column;
  }
  TRY(column.formula, take_formula<Condition>(text, [&](PatternText& from) {
        return take_condition(from, column.name);
      }));
  return column;
}

Result<ColumnPattern> ColumnPattern::parse(std::string_view given) {
  PatternText text(given);
  text.skip_blanks();
  if (!text.take("[")) return bad_pattern("it does not begin with [");
  ColumnPattern pattern;
  do {
    text.skip_blanks();
    if (text.take("...")) {
      if (pattern.gap_) return bad_pattern("it has more than one ...");
      pattern.gap_ = pattern.columns_.size();
    } else {
      TRY(Column column, take_column(text));
      pattern.columns_.push_back(std::move(column));
    }
    text.skip_blanks();
  } while (text.take(","));
  if (!text.take("]")) return bad_pattern("it does not end with ]");
  text.skip_blanks();
  if (!text.at_end()) return bad_pattern("something follows the closing ]");
  return pattern;
}

ColumnPattern::Fields ColumnPattern::fields_of(std::string_view message) {
  Fields fields;
  for (;;) {
    message.remove_prefix(std::min(message.find_first_not_of(' '), message.size()));
    if (message.empty()) return fields;
    const char closing = message.front() == '"' ? '"' : message.front() == '[' ? ']' : '\0';
    const std::size_t close = closing ? message.find(closing, 1) : message.npos;
    if (close != message.npos) {
      fields.push_back(message.substr(1, close - 1));
      message.remove_prefix(close + 1);
      continue;
    }
    const std::size_t end = std::min(message.find(' '), message.size());
    fields.push_back(message.substr(0, end));
    message.remove_prefix(end);
  }
}

std::optional<ColumnPattern::Fields> ColumnPattern::columns_of(std::string_view message) const {
  Fields fields = fields_of(message);
  if (fields.size() < columns_.size()) return std::nullopt;
  const std::size_t more = fields.size() - columns_.size();
  if (more == 0) return fields;
  if (!gap_) return std::nullopt;
  const auto gap = fields.begin() + static_cast<std::ptrdiff_t>(*gap_);
  fields.erase(gap, gap + static_cast<std::ptrdiff_t>(more));
  return fields;
}

bool ColumnPattern::matches(std::string_view message) const {
  const auto fields = columns_of(message);
  if (!fields) return false;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto holds = [&](const Condition& condition) {
      return condition.value.holds(condition.relation, (*fields)[i]);
    };
    if (columns_[i].formula && !columns_[i].formula->holds(holds)) return false;
  }
  return true;
}

std::map<std::string, std::string> ColumnPattern::extract(std::string_view message) const {
  std::map<std::string, std::string> out;
  const auto fields = columns_of(message);
  for (std::size_t i = 0; fields && i < columns_.size(); ++i)
    if (!columns_[i].name.empty()) out["$" + columns_[i].name] = (*fields)[i];
  return out;
}

bool ColumnPattern::is_exhausted() const {
  bool exhausted = false;
  for (const Column& column : columns_)
    if (column.formula)
      column.formula->for_each(
          [&](const Condition& condition) { exhausted |= condition.value.is_exhausted(); });
  return exhausted;
}

}  // namespace slipway::logs_door
