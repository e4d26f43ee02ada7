// A query of CloudWatch Logs Insights as it is written: commands over expressions.
// docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "service/logs/line_regex.h"

namespace slipway::logs_door {

// Limits.
inline constexpr int insights_depth_max = 64;  // of parentheses and operators in one another
inline constexpr std::size_t insights_nodes_max = 5'000;
inline constexpr std::size_t insights_limit_max = 100'000;  // rows
inline constexpr std::size_t insights_stats_max = 10;       // commands

// What an expression comes to: nothing, a text, a number or a truth.
using InsightsValue = std::variant<std::monostate, std::string, double, bool>;

// An expression over the fields of a record.
struct InsightsExpression {
  enum class Kind : std::uint8_t {
    constant,  // value
    field,     // name
    call,      // name, in small letters, and parts
    negative,  // of one part
    math,      // name is the operator, between two parts
    compare,   // name is the operator, between two parts
    matches,   // one part holds a text (two parts) or fits `regex`
    one_of,    // the first part is equal to one of the others
    both,      // and
    either,    // or
    opposite,  // not
  };

  Kind kind = Kind::constant;
  std::string name = {};
  InsightsValue value = {};
  std::optional<LineRegex> regex = {};
  std::vector<InsightsExpression> parts = {};
};

// An expression with the name that its column has: what stands behind `as`, or its own text.
struct InsightsColumn {
  std::string name;
  InsightsExpression expression;
};

// One command, between two '|'.
struct InsightsCommand {
  enum class Kind : std::uint8_t { fields, display, filter, parse, stats, sort, limit, dedup };
  enum class Order : std::uint8_t { ascending, descending };

  Kind kind = Kind::fields;
  std::vector<InsightsColumn> columns = {};  // fields, display, sort, dedup; stats: what it counts
  std::vector<InsightsColumn> groups = {};   // stats: by what
  std::vector<Order> orders = {};            // sort, one for each column
  InsightsExpression expression = {};        // filter; parse: of what
  std::optional<LineRegex> regex = {};       // parse
  std::vector<std::string> names = {};       // parse, one for each group of `regex`; may be empty
  std::size_t rows = 0;                      // limit
};

// A query that was read.
struct InsightsQuery {
  std::vector<InsightsCommand> commands;

  // MalformedQueryException, with what is wrong and where. A command that AWS has and this server
  // has not is refused by its name.
  static Result<InsightsQuery> parse(std::string_view text);

  // Whether a regular expression in it gave up on a message.
  bool is_exhausted() const;
};

// Whether a function of this name is one that counts rows, as in `stats count(*)`.
bool is_aggregate(std::string_view name);
// How many arguments a function takes; nothing where there is no such function.
struct ArgumentCount {
  std::size_t least = 0;
  std::size_t most = 0;
};
std::optional<ArgumentCount> arguments_of(std::string_view function);

// "5m" in microseconds, for bin() and datefloor(); nothing where it is no such text. A number past
// what its unit has counts as that: 300s are 60s.
std::optional<std::int64_t> period_of(std::string_view text);

}  // namespace slipway::logs_door
