// The operators that are known to keep records apart, and how records lie in what they give.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "modelserver/row_wise/onnx_graph.h"
#include "modelserver/row_wise/value.h"

namespace slipway::modelserver::row_wise {

// One operator on its way through the graph.
struct OperatorStep {
  const OnnxNode& node;
  std::int64_t version;          // of its operator set
  std::vector<const Value*> in;  // null: left out

  const Value* input(std::size_t i) const { return i < in.size() ? in[i] : nullptr; }
};

// One value for each output that the rule knows of. Nullopt: it cannot be shown that records are
// kept apart.
using RuleResult = std::optional<std::vector<Value>>;
using Rule = RuleResult (*)(const OperatorStep& step);

// Null where an operator is not known.
Rule find_rule(std::string_view domain, std::string_view op);  // some input has records
RuleResult follow_sizes(const OperatorStep& step);             // of sizes and constants alone
bool is_random(std::string_view op);

// The tables of find_rule(), by what operators do. Each holds {name, rule}.
struct NamedRule {
  std::string_view op;
  Rule rule;
};
std::span<const NamedRule> elementwise_rules();
std::span<const NamedRule> product_rules();  // matrices, convolutions, recurrent layers
std::span<const NamedRule> axis_rules();     // reductions, softmax and what else names an axis
std::span<const NamedRule> shape_rules();    // what only moves elements about
std::span<const NamedRule> table_rules();    // ai.onnx.ml

// Helpers of the tables.

// Whether requests that may be joined have all the same of it: absent, constant, or sizes of
// theirs.
bool is_fixed(const Value* value);
bool are_fixed(const OperatorStep& step, std::size_t first);  // all inputs from `first` on
// An axis from the front; nullopt: there is no such axis.
std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank);
// The integers of a constant input; nullopt: they are not known.
std::optional<std::vector<std::int64_t>> integers_of(const Value* value);
bool is_scalar(const Value* value);  // one element, or absent
// Whether what is fixed can be laid over records that lie `from_end` axes before the last (1: the
// last) without differing from one to the next.
bool spreads_over(const Value& fixed, std::size_t from_end);
// Of two sizes along one axis, one of which may be stretched.
std::int64_t joint_size(std::int64_t a, std::int64_t b);
// Whether Cast leaves whole numbers that are sizes or axes what they are.
bool casts_whole_numbers(const OnnxNode& cast);
// The values laid over each other, as elementwise operators do.
std::optional<Value> broadcast(std::span<const Value* const> values);

}  // namespace slipway::modelserver::row_wise
