// Operators that make each element of one or several elements at the same place.
#include <algorithm>
#include <array>

#include "modelserver/row_wise/rules.h"

namespace slipway::modelserver::row_wise {
namespace {

RuleResult over_all_inputs(const OperatorStep& step) {
  std::vector<const Value*> given;
  for (const Value* value : step.in)
    if (value != nullptr) given.push_back(value);
  auto out = broadcast(given);
  if (!out) return std::nullopt;
  return std::vector<Value>{*std::move(out)};
}

// The others are parameters: of one element, or laid over the first.
RuleResult over_first_input(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records() || !are_fixed(step, 1)) return std::nullopt;
  return std::vector<Value>{*x};
}

// In use it passes its input on; its second output is a mask.
RuleResult dropout(const OperatorStep& step) {
  if (const Value* const training = step.input(2); training != nullptr) {
    const auto flag = integers_of(training);
    if (!flag || flag->size() != 1 || flag->front() != 0) return std::nullopt;
  }
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records() || !are_fixed(step, 1)) return std::nullopt;
  return std::vector<Value>{*x, *x};
}

// Scales and zero points are one for all, or one for each place along another axis.
RuleResult quantize(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records() || !are_fixed(step, 1)) return std::nullopt;
  if (step.node.integer("block_size", 0) != 0) return std::nullopt;
  if (!is_scalar(step.input(1)) || !is_scalar(step.input(2))) {
    const auto axis = axis_of(step.node.integer("axis", 1), x->rank());
    if (!axis || *axis == x->axis) return std::nullopt;
  }
  return std::vector<Value>{*x};
}

constexpr std::array with_other_inputs = std::to_array<std::string_view>(
    {"Add",        "And",         "BitShift", "BitwiseAnd", "BitwiseOr",
     "BitwiseXor", "Div",         "Equal",    "Greater",    "GreaterOrEqual",
     "Less",       "LessOrEqual", "Max",      "Mean",       "Min",
     "Mod",        "Mul",         "Or",       "PRelu",      "Pow",
     "Sub",        "Sum",         "Where",    "Xor"});
constexpr std::array alone = std::to_array<std::string_view>({"Abs",         "Acos",
                                                              "Acosh",       "Asin",
                                                              "Asinh",       "Atan",
                                                              "Atanh",       "BitwiseNot",
                                                              "Cast",        "CastLike",
                                                              "Ceil",        "Celu",
                                                              "Clip",        "Cos",
                                                              "Cosh",        "Elu",
                                                              "Erf",         "Exp",
                                                              "Floor",       "Gelu",
                                                              "HardSigmoid", "HardSwish",
                                                              "Identity",    "IsInf",
                                                              "IsNaN",       "LeakyRelu",
                                                              "Log",         "Mish",
                                                              "Neg",         "Not",
                                                              "Reciprocal",  "Relu",
                                                              "Round",       "Selu",
                                                              "Shrink",      "Sigmoid",
                                                              "Sign",        "Sin",
                                                              "Sinh",        "Softplus",
                                                              "Softsign",    "Sqrt",
                                                              "Swish",       "Tan",
                                                              "Tanh",        "ThresholdedRelu"});

}  // namespace

std::int64_t joint_size(std::int64_t a, std::int64_t b) {
  if (a == 1) return b;
  if (b == 1) return a;
  return a == unknown_size ? b : a;
}

std::optional<Value> broadcast(std::span<const Value* const> values) {
  std::size_t rank = 0;
  for (const Value* value : values) {
    if (!value->has_records() && !is_fixed(value)) return std::nullopt;
    if (!value->dims) return std::nullopt;
    rank = std::max(rank, value->rank());
  }
  std::optional<std::size_t> from_end;
  for (const Value* value : values) {
    if (!value->has_records()) continue;
    const std::size_t at = value->rank() - value->axis;
    if (from_end && *from_end != at) return std::nullopt;
    from_end = at;
  }
  std::vector<std::int64_t> dims(rank, 1);
  for (const Value* value : values) {
    if (from_end && !value->has_records() && !spreads_over(*value, *from_end)) return std::nullopt;
    const std::vector<std::int64_t>& own = *value->dims;
    for (std::size_t i = 0; i < own.size(); ++i) {
      std::int64_t& dim = dims[rank - own.size() + i];
      dim = joint_size(dim, own[i]);
    }
  }
  if (!from_end) return Value{.dims = std::move(dims)};
  return Value::of_records(std::move(dims), rank - *from_end);
}

std::span<const NamedRule> elementwise_rules() {
  static const std::vector<NamedRule> rules = [] {
    std::vector<NamedRule> out = {
        {"Dropout", dropout}, {"QuantizeLinear", quantize}, {"DequantizeLinear", quantize}};
    for (const std::string_view op : with_other_inputs) out.push_back({op, over_all_inputs});
    for (const std::string_view op : alone) out.push_back({op, over_first_input});
    return out;
  }();
  return rules;
}

}  // namespace slipway::modelserver::row_wise
