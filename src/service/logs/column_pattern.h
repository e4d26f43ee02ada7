// Filter patterns over messages in columns: "[ip, user != x, ..., status = 4*, size > 100]".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/logs/pattern_text.h"

namespace slipway::logs_door {

// Matches a message that has as many fields as the pattern has columns, any number in the place of
// "...", and whose fields meet the columns' conditions. Fields are what blanks divide; what stands
// in double quotes or in brackets is one field.
class ColumnPattern {
 public:
  static Result<ColumnPattern> parse(std::string_view text);

  bool matches(std::string_view message) const;
  // The fields of a message that matches, by "$name".
  std::map<std::string, std::string> extract(std::string_view message) const;
  bool is_exhausted() const;

 private:
  struct Condition {
    Relation relation = Relation::equal;
    PatternValue value = {};
  };
  struct Column {
    std::string name;
    std::optional<Formula<Condition>> formula = {};
  };
  using Fields = std::vector<std::string_view>;

  static Result<Column> take_column(PatternText& text);
  static Result<Condition> take_condition(PatternText& text, std::string_view name);
  static Fields fields_of(std::string_view message);
  // The field of each column; nothing where their number does not fit.
  std::optional<Fields> columns_of(std::string_view message) const;

  std::vector<Column> columns_;
  std::optional<std::size_t> gap_;  // "..." stands before this column
};

}  // namespace slipway::logs_door
