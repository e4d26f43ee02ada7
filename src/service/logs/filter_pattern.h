// CloudWatch Logs filter patterns.
// docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "engine/logs/search.h"
#include "service/logs/column_pattern.h"
#include "service/logs/json_pattern.h"
#include "service/logs/term_pattern.h"

namespace slipway::logs_door {

// Says which messages are wanted, by words, by JSON ("{...}") or by columns ("[...]"). Any thread
// may ask.
class FilterPattern {
 public:
  // InvalidParameterException, with what is wrong.
  static Result<FilterPattern> parse(std::string_view text);

  bool matches(std::string_view message) const;
  // The same for a search; borrows this.
  logs::MessageFilter filter() const;
  // What it names in a message that matches: "$.user" or "$column".
  std::map<std::string, std::string> extract(std::string_view message) const;
  // An error, where a regular expression in it gave up on a message: then what matched is not all.
  Result<> check_done() const;

 private:
  using Kinds = std::variant<TermPattern, JsonPattern, ColumnPattern>;
  explicit FilterPattern(Kinds kind) : kind_(std::move(kind)) {}

  Kinds kind_;
};

}  // namespace slipway::logs_door
