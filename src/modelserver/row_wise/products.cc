// Matrix products, convolutions and recurrent layers: sums over one axis, with weights that are the
// same for all records.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "modelserver/row_wise/rules.h"

namespace slipway::modelserver::row_wise {
namespace {

// Records in the left factor, weights in the right one.
std::optional<Value> times_weights(const Value& x, const Value& weights) {
  if (!weights.dims || weights.rank() == 0 || x.rank() == 0) return std::nullopt;
  if (x.axis == x.rank() - 1) return std::nullopt;  // what is summed over
  auto dims = *x.dims;
  if (weights.rank() == 1) {
    dims.pop_back();
    return Value::of_records(std::move(dims), x.axis);
  }
  dims.back() = weights.dims->back();
  if (weights.rank() == 2) return Value::of_records(std::move(dims), x.axis);
  // Stacked weights are laid over the axes before the last two.
  const std::size_t from_end = x.rank() - x.axis;
  const std::size_t rank = std::max(x.rank(), weights.rank());
  if (from_end > 2 && !spreads_over(weights, from_end)) return std::nullopt;
  dims.insert(dims.begin(), rank - x.rank(), 1);
  for (std::size_t i = 0; i + 2 < weights.rank(); ++i) {
    std::int64_t& dim = dims[rank - weights.rank() + i];
    dim = joint_size(dim, (*weights.dims)[i]);
  }
  return Value::of_records(std::move(dims), rank - from_end);
}

// Weights in the left factor, records in the right one.
std::optional<Value> weights_times(const Value& weights, const Value& x) {
  if (!weights.dims || weights.rank() != 2 || x.rank() < 2) return std::nullopt;
  if (x.axis == x.rank() - 2) return std::nullopt;  // what is summed over
  auto dims = *x.dims;
  dims[x.rank() - 2] = weights.dims->front();
  return Value::of_records(std::move(dims), x.axis);
}

std::optional<Value> times(const Value& a, const Value& b) {
  if (a.rank() != b.rank() || a.axis != b.axis || a.axis + 2 >= a.rank()) return std::nullopt;
  auto dims = *a.dims;
  for (std::size_t i = 0; i + 2 < dims.size(); ++i) dims[i] = joint_size(dims[i], (*b.dims)[i]);
  dims.back() = b.dims->back();
  return Value::of_records(std::move(dims), a.axis);
}

std::optional<Value> product(const Value* a, const Value* b) {
  if (a == nullptr || b == nullptr) return std::nullopt;
  if (a->has_records() && b->has_records()) return times(*a, *b);
  if (a->has_records() && b->is_constant()) return times_weights(*a, *b);
  if (a->is_constant() && b->has_records()) return weights_times(*a, *b);
  return std::nullopt;
}

RuleResult one(std::optional<Value> value) {
  if (!value) return std::nullopt;
  return std::vector<Value>{*std::move(value)};
}

RuleResult mat_mul(const OperatorStep& step) { return one(product(step.input(0), step.input(1))); }

RuleResult mat_mul_integer(const OperatorStep& step) {
  if (!are_fixed(step, 2) || !is_scalar(step.input(2)) || !is_scalar(step.input(3)))
    return std::nullopt;
  return mat_mul(step);
}

// a, scale, zero, b, scale, zero, scale, zero: those of b may be one for each of its columns, where
// these are no records.
RuleResult quantized_mat_mul(const OperatorStep& step) {
  for (const std::size_t i : {1, 2, 6, 7})
    if (!is_fixed(step.input(i)) || !is_scalar(step.input(i))) return std::nullopt;
  const Value* const b = step.input(3);
  for (const std::size_t i : {4, 5})
    if (!is_fixed(step.input(i)) || (!is_fixed(b) && !is_scalar(step.input(i))))
      return std::nullopt;
  return one(product(step.input(0), b));
}

RuleResult gemm(const OperatorStep& step) {
  const Value* const a = step.input(0);
  const Value* const b = step.input(1);
  if (a == nullptr || !a->has_records() || a->rank() != 2 || b == nullptr || !are_fixed(step, 1) ||
      b->rank() != 2)
    return std::nullopt;
  const bool is_turned = step.node.integer("transA", 0) != 0;
  if (a->axis != (is_turned ? 1U : 0U)) return std::nullopt;
  if (const Value* const c = step.input(2); c != nullptr && !spreads_over(*c, 2))
    return std::nullopt;
  const std::size_t columns = step.node.integer("transB", 0) != 0 ? 0 : 1;
  return one(Value::of_records({unknown_size, (*b->dims)[columns]}, 0));
}

// N, C, D1, ...: what is not the first axis changes its size. The second output of MaxPool, places
// in the whole input, is not followed.
RuleResult convolution(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records() || x->axis != 0 || x->rank() < 3 || !are_fixed(step, 1))
    return std::nullopt;
  return one(Value::of_records(std::vector<std::int64_t>(x->rank(), unknown_size), 0));
}

RuleResult global_pool(const OperatorStep& step) {
  auto out = convolution(step);
  if (out) std::fill((*out)[0].dims->begin() + 2, (*out)[0].dims->end(), 1);
  if (out) (*(*out)[0].dims)[1] = (*step.input(0)->dims)[1];
  return out;
}

// X, W, R, B, sequence lengths, first states: [steps, records, features].
RuleResult recurrent(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || !x->has_records() || x->rank() != 3 || x->axis != 1 ||
      step.node.integer("layout", 0) != 0)
    return std::nullopt;
  for (std::size_t i = 1; i < step.in.size(); ++i) {
    const Value* const each = step.in[i];
    const bool is_state = i == 5 || i == 6;
    const bool goes_along =
        is_state && each != nullptr && each->has_records() && each->rank() == 3 && each->axis == 1;
    if (!goes_along && (!is_fixed(each) || (each != nullptr && (is_state || i == 4))))
      return std::nullopt;
  }
  const Value last = Value::of_records({unknown_size, unknown_size, unknown_size}, 1);
  return std::vector<Value>{
      Value::of_records({unknown_size, unknown_size, unknown_size, unknown_size}, 2), last, last};
}

// "bij,jk->bik": the letter of the records stands in the answer, and in each input at its records.
RuleResult einsum(const OperatorStep& step) {
  const OnnxAttribute* const said = step.node.find("equation");
  if (said == nullptr || said->text.contains('.')) return std::nullopt;
  std::string equation;
  for (const char c : said->text)
    if (c != ' ') equation += c;
  const auto arrow = equation.find("->");
  if (arrow == equation.npos) return std::nullopt;
  const std::string result = equation.substr(arrow + 2);
  std::string_view terms = std::string_view(equation).substr(0, arrow);
  std::optional<char> letter;
  std::vector<std::string_view> each_term;
  for (const Value* value : step.in) {
    const std::string_view term = take_until(terms, ',');
    each_term.push_back(term);
    if (value == nullptr || (!value->has_records() && !is_fixed(value))) return std::nullopt;
    if (!value->has_records()) continue;
    if (term.size() != value->rank() || (letter && *letter != term[value->axis]))
      return std::nullopt;
    letter = term[value->axis];
  }
  if (!letter || std::ranges::count(result, *letter) != 1) return std::nullopt;
  for (std::size_t i = 0; i < each_term.size(); ++i)
    if (std::ranges::count(each_term[i], *letter) != (step.in[i]->has_records() ? 1 : 0))
      return std::nullopt;
  return one(Value::of_records(std::vector<std::int64_t>(result.size(), unknown_size),
                               result.find(*letter)));
}

}  // namespace

std::span<const NamedRule> product_rules() {
  static constexpr NamedRule rules[] = {
      {"MatMul", mat_mul},
      {"MatMulInteger", mat_mul_integer},
      {"QLinearMatMul", quantized_mat_mul},
      {"Gemm", gemm},
      {"Einsum", einsum},
      {"Conv", convolution},
      {"ConvInteger", convolution},
      {"ConvTranspose", convolution},
      {"QLinearConv", convolution},
      {"MaxPool", convolution},
      {"AveragePool", convolution},
      {"LpPool", convolution},
      {"GlobalMaxPool", global_pool},
      {"GlobalAveragePool", global_pool},
      {"GlobalLpPool", global_pool},
      {"LSTM", recurrent},
      {"GRU", recurrent},
      {"RNN", recurrent},
  };
  return rules;
}

}  // namespace slipway::modelserver::row_wise
