// CloudWatch Logs filter patterns, as far as they are words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/logs/search.h"

namespace slipway::logs_door {

// Matches an event that has every plain term, at least one of the `?` terms where there are any,
// and none of the `-` terms. A term is a word, or anything in double quotes; case counts.
class FilterPattern {
 public:
  // not_implemented: a pattern over JSON ({...}), columns ([...]) or a regular expression (%...%).
  // invalid_argument: a quote that is not closed.
  static Result<FilterPattern> parse(std::string_view text);

  bool matches(std::string_view message) const;
  // The same for a search; borrows this.
  logs::MessageFilter filter() const;

 private:
  std::vector<std::string> all_;
  std::vector<std::string> any_;
  std::vector<std::string> none_;
};

}  // namespace slipway::logs_door
