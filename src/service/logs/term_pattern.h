// Filter patterns that are words.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/logs/block.h"
#include "service/logs/line_regex.h"

namespace slipway::logs_door {

// Matches a message that has every plain term and none of the `-` terms; where all terms are `?`
// terms, one that has at least one of them, and else these do not count. A term is a word, anything
// in double quotes, or a regular expression between '%'; case counts.
class TermPattern {
 public:
  static Result<TermPattern> parse(std::string_view text);

  bool matches(std::string_view message) const;
  logs::Needles needles() const;
  bool is_exhausted() const;

 private:
  using Term = std::variant<std::string, LineRegex>;
  static bool is_in(const Term& term, std::string_view message);

  std::vector<Term> all_;
  std::vector<Term> any_;
  std::vector<Term> none_;
};

}  // namespace slipway::logs_door
