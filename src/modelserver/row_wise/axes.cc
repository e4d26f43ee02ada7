// Operators that work along an axis: they keep records apart where it is not the records' own.
#include <algorithm>

#include "modelserver/row_wise/rules.h"

namespace slipway::modelserver::row_wise {
namespace {

const Value* records_of(const OperatorStep& step) {
  const Value* const x = step.input(0);
  return x != nullptr && x->has_records() && are_fixed(step, 1) ? x : nullptr;
}

RuleResult softmax(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  // Before version 13 all axes from this one on were taken together.
  const bool together = step.version < 13;
  const auto axis = axis_of(step.node.integer("axis", together ? 1 : -1), x->rank());
  if (!axis || (together ? x->axis >= *axis : x->axis == *axis)) return std::nullopt;
  return std::vector<Value>{*x};
}

// Normalises over all axes from one on; mean and deviation are its further outputs.
RuleResult layer_normalization(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", -1), x->rank());
  if (!axis || x->axis >= *axis) return std::nullopt;
  for (const std::size_t i : {1, 2})
    if (const Value* const each = step.input(i))
      if (!spreads_over(*each, x->rank() - x->axis)) return std::nullopt;
  auto reduced = *x;
  for (std::size_t i = *axis; i < reduced.rank(); ++i) (*reduced.dims)[i] = 1;
  return std::vector<Value>{*x, reduced, reduced};
}

// Works on each record of a batch of images or sequences: N, C, ...
RuleResult of_first_axis(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || x->axis != 0 || x->rank() < 2) return std::nullopt;
  return std::vector<Value>{*x};
}

// Before version 14 further outputs say that it learns from what it is given.
RuleResult batch_normalization(const OperatorStep& step) {
  if (step.node.integer("training_mode", 0) != 0 || step.version < 7) return std::nullopt;
  if (step.node.outputs.size() > 1) return std::nullopt;
  return of_first_axis(step);
}

RuleResult mean_variance_normalization(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const OnnxAttribute* const axes = step.node.find("axes");
  if (axes == nullptr) return std::nullopt;  // 0, 2 and 3: over all records
  for (const std::int64_t each : axes->integers)
    if (const auto axis = axis_of(each, x->rank()); !axis || *axis == x->axis) return std::nullopt;
  return std::vector<Value>{*x};
}

RuleResult along_last_unless_said(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", -1), x->rank());
  if (!axis || *axis == x->axis) return std::nullopt;
  return std::vector<Value>{*x};
}

RuleResult without_axes(const Value& x, std::vector<std::size_t> axes, bool kept) {
  std::ranges::sort(axes);
  if (std::ranges::find(axes, x.axis) != axes.end()) return std::nullopt;
  auto dims = *x.dims;
  std::size_t at = x.axis;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (kept) {
      dims[*axis] = 1;
      continue;
    }
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*axis));
    if (*axis < at) --at;
  }
  return std::vector<Value>{Value::of_records(std::move(dims), at)};
}

RuleResult reduce(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  std::vector<std::int64_t> said;
  if (const OnnxAttribute* const attribute = step.node.find("axes")) {
    said = attribute->integers;
  } else if (const Value* const input = step.input(1)) {
    const auto given = integers_of(input);
    if (!given) return std::nullopt;
    said = *given;
  }
  if (said.empty()) {  // all, unless it says that none is meant
    if (step.node.integer("noop_with_empty_axes", 0) == 0) return std::nullopt;
    return std::vector<Value>{*x};
  }
  std::vector<std::size_t> axes;
  for (const std::int64_t each : said) {
    const auto axis = axis_of(each, x->rank());
    if (!axis || std::ranges::find(axes, *axis) != axes.end()) return std::nullopt;
    axes.push_back(*axis);
  }
  return without_axes(*x, std::move(axes), step.node.integer("keepdims", 1) != 0);
}

RuleResult arg_reduce(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", 0), x->rank());
  if (!axis) return std::nullopt;
  return without_axes(*x, {*axis}, step.node.integer("keepdims", 1) != 0);
}

RuleResult top_k(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", -1), x->rank());
  if (!axis || *axis == x->axis) return std::nullopt;
  auto dims = *x->dims;
  dims[*axis] = unknown_size;
  if (const auto count = integers_of(step.input(1)); count && count->size() == 1)
    dims[*axis] = count->front();
  const auto out = Value::of_records(std::move(dims), x->axis);
  return std::vector<Value>{out, out};
}

RuleResult cumulative_sum(const OperatorStep& step) {
  const Value* const x = records_of(step);
  const auto said = integers_of(step.input(1));
  if (x == nullptr || !said || said->size() != 1) return std::nullopt;
  const auto axis = axis_of(said->front(), x->rank());
  if (!axis || *axis == x->axis) return std::nullopt;
  return std::vector<Value>{*x};
}

RuleResult one_hot(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", -1), x->rank() + 1);
  if (!axis) return std::nullopt;
  auto dims = *x->dims;
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(*axis), unknown_size);
  return std::vector<Value>{Value::of_records(std::move(dims), x->axis + (*axis <= x->axis))};
}

}  // namespace

std::span<const NamedRule> axis_rules() {
  static constexpr NamedRule rules[] = {
      {"Softmax", softmax},
      {"LogSoftmax", softmax},
      {"Hardmax", softmax},
      {"LayerNormalization", layer_normalization},
      {"RMSNormalization", layer_normalization},
      {"BatchNormalization", batch_normalization},
      {"InstanceNormalization", of_first_axis},
      {"GroupNormalization", of_first_axis},
      {"LRN", of_first_axis},
      {"MeanVarianceNormalization", mean_variance_normalization},
      {"LpNormalization", along_last_unless_said},
      {"ReduceL1", reduce},
      {"ReduceL2", reduce},
      {"ReduceLogSum", reduce},
      {"ReduceLogSumExp", reduce},
      {"ReduceMax", reduce},
      {"ReduceMean", reduce},
      {"ReduceMin", reduce},
      {"ReduceProd", reduce},
      {"ReduceSum", reduce},
      {"ReduceSumSquare", reduce},
      {"ArgMax", arg_reduce},
      {"ArgMin", arg_reduce},
      {"TopK", top_k},
      {"CumSum", cumulative_sum},
      {"OneHot", one_hot},
  };
  return rules;
}

}  // namespace slipway::modelserver::row_wise
