#include "modelserver/row_wise/row_wise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "modelserver/row_wise/rules.h"

namespace slipway::modelserver {
namespace row_wise {

bool is_fixed(const Value* value) {
  if (value == nullptr || value->is_constant()) return true;
  return value->kind == Value::Kind::sizes &&
         std::ranges::none_of(value->sizes, [](const Size& size) {
           return size.kind == Size::Kind::records || size.kind == Size::Kind::mixed;
         });
}

bool are_fixed(const OperatorStep& step, std::size_t first) {
  for (std::size_t i = first; i < step.in.size(); ++i)
    if (!is_fixed(step.in[i])) return false;
  return true;
}

std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) return std::nullopt;
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::optional<std::vector<std::int64_t>> integers_of(const Value* value) {
  if (value == nullptr || !value->is_constant()) return std::nullopt;
  return OnnxConstant{.dims = {}, .values = value->numbers}.integers();
}

bool is_scalar(const Value* value) {
  if (value == nullptr) return true;
  if (value->kind == Value::Kind::sizes) return value->sizes.size() == 1;
  return value->is_constant() && value->dims &&
         std::ranges::all_of(*value->dims, [](std::int64_t size) { return size == 1; });
}

bool spreads_over(const Value& fixed, std::size_t from_end) {
  if (!is_fixed(&fixed) || !fixed.dims) return false;
  return fixed.rank() < from_end || (*fixed.dims)[fixed.rank() - from_end] == 1;
}

bool casts_whole_numbers(const OnnxNode& cast) {
  enum DataType : std::uint8_t { type_float = 1, type_int32 = 6, type_int64 = 7, type_double = 11 };
  const std::int64_t to = cast.integer("to", 0);
  return to == type_float || to == type_int32 || to == type_int64 || to == type_double;
}

bool is_random(std::string_view op) {
  return op.starts_with("Random") || op == "Multinomial" || op == "Bernoulli";
}

Rule find_rule(std::string_view domain, std::string_view op) {
  const auto find_in = [op](std::span<const NamedRule> rules) -> Rule {
    const auto found = std::ranges::find(rules, op, &NamedRule::op);
    return found == rules.end() ? nullptr : found->rule;
  };
  if (domain == "ai.onnx.ml") return find_in(table_rules());
  if (!domain.empty()) return nullptr;
  for (const auto rules : {elementwise_rules(), product_rules(), axis_rules(), shape_rules()})
    if (const Rule rule = find_in(rules)) return rule;
  return nullptr;
}

}  // namespace row_wise

namespace {

using row_wise::OperatorStep;
using row_wise::RuleResult;
using row_wise::Value;

Value value_of(const OnnxConstant& constant) {
  return {.dims = constant.dims, .numbers = constant.values};
}

// The value of a Constant, in whatever attribute it stands.
Value value_of_constant_node(const OnnxNode& node) {
  for (const auto& [name, attribute] : node.attributes) {
    if (attribute.constant) return value_of(*attribute.constant);
    if (name == "value_int" && attribute.integer)
      return {.dims = std::vector<std::int64_t>{},
              .numbers = {{static_cast<double>(*attribute.integer)}}};
    if (name == "value_float" && attribute.number)
      return {.dims = std::vector<std::int64_t>{}, .numbers = {{*attribute.number}}};
    if (name == "value_ints")
      return {.dims = {{static_cast<std::int64_t>(attribute.integers.size())}},
              .numbers = std::vector<double>(attribute.integers.begin(), attribute.integers.end())};
  }
  return {};
}

// Of a constant that is cast: numbers that are whole and small enough for any type stay what they
// are in those types that sizes and axes have.
std::optional<std::vector<double>> cast_numbers(const OperatorStep& step, const Value& x) {
  constexpr double exact_max = 1 << 24;  // of a float
  if (!row_wise::casts_whole_numbers(step.node) || !row_wise::integers_of(&x)) return std::nullopt;
  const bool small =
      std::ranges::all_of(*x.numbers, [](double number) { return std::abs(number) <= exact_max; });
  return small ? x.numbers : std::nullopt;
}

// What is made of constants alone is the same for everybody; its shape is mostly declared.
Value value_of_constants(const OperatorStep& step) {
  if (!step.node.domain.empty()) return {};
  if (step.node.op == "Constant") return value_of_constant_node(step.node);
  const Value* const x = step.input(0);
  if (step.node.op == "Identity" && x != nullptr) return *x;
  if (step.node.op == "Cast" && x != nullptr)
    return {.dims = x->dims, .numbers = cast_numbers(step, *x)};
  return {};
}

// Sizes that no rule worked out, as the model declares them.
void complete(Value& value, const OnnxShape* declared) {
  if (declared == nullptr || value.kind == Value::Kind::sizes) return;
  if (!value.dims) {
    value.dims = *declared;
    return;
  }
  if (declared->size() != value.rank()) return;
  for (std::size_t i = 0; i < declared->size(); ++i)
    if ((*value.dims)[i] == row_wise::unknown_size && !(value.has_records() && i == value.axis))
      (*value.dims)[i] = (*declared)[i];
}

class Walk {
 public:
  explicit Walk(const OnnxGraph& graph) : graph_(graph) {
    for (const auto& [name, constant] : graph.constants)
      values_.insert_or_assign(name, value_of(constant));
  }

  std::optional<std::string> reason() {
    for (const std::string& input : graph_.inputs) {
      const auto shape = graph_.shapes.find(input);
      if (shape == graph_.shapes.end() || shape->second.empty() || shape->second[0] >= 0)
        return fmt::format("its input '{}' has no open first size", input);
      values_.insert_or_assign(input, Value::of_records(shape->second, 0));
    }
    for (const OnnxNode& node : graph_.nodes)
      if (!follow(node))
        return fmt::format("it is not known that {}{} keeps records apart",
                           node.domain.empty() ? node.op : node.domain + '.' + node.op,
                           node.name.empty() ? "" : fmt::format(" ('{}')", node.name));
    for (const std::string& output : graph_.outputs) {
      const auto found = values_.find(output);
      if (found == values_.end() || !found->second.has_records() || found->second.axis != 0)
        return fmt::format("its output '{}' has not one record for each", output);
    }
    return std::nullopt;
  }

 private:
  bool follow(const OnnxNode& node) {
    if (node.has_graphs || row_wise::is_random(node.op)) return false;
    // Where the model names no version of a set, the runtime chooses one.
    const auto version = graph_.operator_sets.find(node.domain);
    if (version == graph_.operator_sets.end()) return false;
    OperatorStep step{.node = node, .version = version->second, .in = {}};
    bool any_records = false;
    bool any_sizes = false;
    for (const std::string& input : node.inputs) {
      const auto found = values_.find(input);
      if (found == values_.end() && !input.empty()) return false;
      step.in.push_back(input.empty() ? nullptr : &found->second);
      any_records |= !input.empty() && found->second.has_records();
      any_sizes |= !input.empty() && found->second.kind == Value::Kind::sizes;
    }
    if (any_records) {
      const row_wise::Rule rule = row_wise::find_rule(node.domain, node.op);
      return rule != nullptr && keep(node, rule(step));
    }
    if (any_sizes) return keep(node, row_wise::follow_sizes(step));
    return keep(node, std::vector<Value>(node.outputs.size(), value_of_constants(step)));
  }

  bool keep(const OnnxNode& node, RuleResult outcome) {
    if (!outcome) return false;
    for (std::size_t i = 0; i < std::min(outcome->size(), node.outputs.size()); ++i) {
      const std::string& name = node.outputs[i];
      if (name.empty()) continue;
      const auto declared = graph_.shapes.find(name);
      Value& value = (*outcome)[i];
      complete(value, declared == graph_.shapes.end() ? nullptr : &declared->second);
      values_.insert_or_assign(name, std::move(value));
    }
    return true;
  }

  const OnnxGraph& graph_;
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace

std::optional<std::string> reason_against_joining(const OnnxGraph& graph) {
  return Walk(graph).reason();
}

}  // namespace slipway::modelserver
