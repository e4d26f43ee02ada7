// Operators that only move elements about, and what is computed of sizes.
#include <algorithm>
#include <limits>

#include "modelserver/row_wise/rules.h"

namespace slipway::modelserver::row_wise {
namespace {

using Kind = Size::Kind;

RuleResult one(std::optional<Value> value) {
  if (!value) return std::nullopt;
  return std::vector<Value>{*std::move(value)};
}

const Value* records_of(const OperatorStep& step) {
  const Value* const x = step.input(0);
  return x != nullptr && x->has_records() ? x : nullptr;
}

// Returns what a list of sizes, or a small constant one of integers, says; nullopt where it is not
// known.
std::optional<std::vector<Size>> sizes_of(const Value* value) {
  if (value == nullptr || !value->dims || value->rank() != 1) return std::nullopt;
  if (value->kind == Value::Kind::sizes) return value->sizes;
  const auto integers = integers_of(value);
  if (!integers) return std::nullopt;
  std::vector<Size> out;
  for (const std::int64_t each : *integers) out.push_back({Kind::number, each});
  return out;
}

// Axes by an attribute, as older versions have them, or by an input.
std::optional<std::vector<std::int64_t>> said_axes(const OperatorStep& step, std::size_t input) {
  if (const OnnxAttribute* const axes = step.node.find("axes")) return axes->integers;
  return integers_of(step.input(input));
}

Value list_of(std::vector<Size> sizes) {
  return {.kind = Value::Kind::sizes,
          .dims = {{static_cast<std::int64_t>(sizes.size())}},
          .sizes = std::move(sizes)};
}

RuleResult shape(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  const auto rank = static_cast<std::int64_t>(x->rank());
  const auto bounded = [rank](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  std::vector<Size> out;
  const std::int64_t end = bounded(step.node.integer("end", rank));
  for (std::int64_t i = bounded(step.node.integer("start", 0)); i < end; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t size = (*x->dims)[at];
    out.push_back(at == x->axis          ? Size{Kind::records}
                  : size == unknown_size ? Size{Kind::unknown}
                                         : Size{Kind::number, size});
  }
  return one(list_of(std::move(out)));
}

// Whether one record holds one element, so that records lie wherever the only open size is.
bool is_one_each(const Value& x) {
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (i != x.axis && (*x.dims)[i] != 1) return false;
  return true;
}

// As a double: sizes come from the file, and their product may be any.
std::optional<double> elements_of_record(const Value& x) {
  double out = 1;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i == x.axis) continue;
    if ((*x.dims)[i] < 0) return std::nullopt;
    out *= static_cast<double>((*x.dims)[i]);
  }
  return out;
}

// A wanted size, with 0 taken for the size that is there.
std::optional<Size> resolved(const Size& wanted, const Value& x, std::size_t at, bool zero_copies) {
  if (wanted.kind != Kind::number || wanted.number != 0 || !zero_copies) return wanted;
  if (at >= x.rank()) return std::nullopt;
  if (at == x.axis) return Size{Kind::records};
  const std::int64_t size = (*x.dims)[at];
  return size == unknown_size ? Size{Kind::unknown} : Size{Kind::number, size};
}

std::vector<std::int64_t> dims_of(std::span<const Size> sizes) {
  std::vector<std::int64_t> out;
  for (const Size& size : sizes)
    out.push_back(size.kind == Kind::number && size.number >= 0 ? size.number : unknown_size);
  return out;
}

// Elements keep their order: records stay together where the first axis goes on to count them.
std::optional<Value> reshaped(const Value& x, std::vector<Size> wanted, bool zero_copies) {
  std::size_t open = wanted.size();
  double known = 1;
  bool all_known = true;
  std::optional<std::size_t> counted;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto size = resolved(wanted[i], x, i, zero_copies);
    if (!size || size->kind == Kind::mixed) return std::nullopt;
    wanted[i] = *size;
    if (size->kind == Kind::records) {
      if (counted) return std::nullopt;
      counted = i;
    } else if (size->kind == Kind::unknown) {
      all_known = false;
    } else if (size->number == -1) {
      open = i;
    } else {
      known *= static_cast<double>(size->number);
    }
  }
  if (wanted.empty()) return std::nullopt;
  if (is_one_each(x)) {
    const std::size_t at = counted.value_or(open);
    if (at == wanted.size() || !all_known || known != 1) return std::nullopt;
    return Value::of_records(dims_of(wanted), at);
  }
  if (x.axis != 0) return std::nullopt;
  if (counted == 0) return Value::of_records(dims_of(wanted), 0);
  const auto elements = elements_of_record(x);
  if (counted || open != 0 || !all_known || !elements || *elements != known) return std::nullopt;
  return Value::of_records(dims_of(wanted), 0);
}

RuleResult reshape(const OperatorStep& step) {
  const Value* const x = records_of(step);
  auto wanted = sizes_of(step.input(1));
  if (x == nullptr || !wanted) return std::nullopt;
  return one(reshaped(*x, *std::move(wanted), step.node.integer("allowzero", 0) == 0));
}

RuleResult flatten(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || x->axis != 0 || step.node.integer("axis", 1) != 1) return std::nullopt;
  const auto elements = elements_of_record(*x);
  const bool is_sane = elements && *elements < static_cast<double>(std::int64_t{1} << 40);
  return one(Value::of_records(
      {unknown_size, is_sane ? static_cast<std::int64_t>(*elements) : unknown_size}, 0));
}

RuleResult transpose(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr) return std::nullopt;
  std::vector<std::int64_t> order;
  if (const OnnxAttribute* const perm = step.node.find("perm")) order = perm->integers;
  if (order.empty())
    for (std::size_t i = x->rank(); i-- > 0;) order.push_back(static_cast<std::int64_t>(i));
  if (order.size() != x->rank()) return std::nullopt;
  std::vector<std::int64_t> dims;
  std::optional<std::size_t> axis;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto from = axis_of(order[i], x->rank());
    if (!from) return std::nullopt;
    if (*from == x->axis) axis = i;
    dims.push_back((*x->dims)[*from]);
  }
  if (!axis) return std::nullopt;
  return one(Value::of_records(std::move(dims), *axis));
}

RuleResult unsqueeze(const OperatorStep& step) {
  const Value* const x = records_of(step);
  const auto said = said_axes(step, 1);
  if (x == nullptr || !said) return std::nullopt;
  const std::size_t rank = x->rank() + said->size();
  std::vector<bool> is_new(rank, false);
  for (const std::int64_t each : *said) {
    const auto axis = axis_of(each, rank);
    if (!axis || is_new[*axis]) return std::nullopt;
    is_new[*axis] = true;
  }
  std::vector<std::int64_t> dims;
  std::size_t axis = 0;
  for (std::size_t i = 0, from = 0; i < rank; ++i) {
    if (!is_new[i] && from == x->axis) axis = i;
    dims.push_back(is_new[i] ? 1 : (*x->dims)[from++]);
  }
  return one(Value::of_records(std::move(dims), axis));
}

// Without axes it drops all of size 1: the records' own too, where there is one record.
RuleResult squeeze(const OperatorStep& step) {
  const Value* const x = records_of(step);
  const auto said = said_axes(step, 1);
  if (x == nullptr || !said || said->empty()) return std::nullopt;
  std::vector<std::size_t> axes;
  for (const std::int64_t each : *said) {
    const auto axis = axis_of(each, x->rank());
    if (!axis || *axis == x->axis) return std::nullopt;
    axes.push_back(*axis);
  }
  std::vector<std::int64_t> dims;
  std::size_t axis = 0;
  for (std::size_t i = 0; i < x->rank(); ++i) {
    if (std::ranges::find(axes, i) != axes.end()) continue;
    if (i == x->axis) axis = dims.size();
    dims.push_back((*x->dims)[i]);
  }
  return one(Value::of_records(std::move(dims), axis));
}

// Joins along another axis what all has its records along the same one.
RuleResult concat(const OperatorStep& step) {
  constexpr std::int64_t size_max = std::int64_t{1} << 40;  // no tensor has more
  const Value* const first = records_of(step);
  if (first == nullptr) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", 1), first->rank());
  if (!axis || *axis == first->axis) return std::nullopt;
  std::int64_t sum = 0;
  for (const Value* each : step.in) {
    if (each == nullptr || !each->has_records() || each->rank() != first->rank() ||
        each->axis != first->axis)
      return std::nullopt;
    const std::int64_t size = (*each->dims)[*axis];
    sum = sum < 0 || size < 0 || size > size_max - sum ? unknown_size : sum + size;
  }
  auto dims = *first->dims;
  dims[*axis] = sum;
  return one(Value::of_records(std::move(dims), first->axis));
}

RuleResult split(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || !are_fixed(step, 1)) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", 0), x->rank());
  if (!axis || *axis == x->axis) return std::nullopt;
  auto dims = *x->dims;
  dims[*axis] = unknown_size;
  return std::vector<Value>(step.node.outputs.size(), Value::of_records(std::move(dims), x->axis));
}

RuleResult slice(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || !are_fixed(step, 1)) return std::nullopt;
  auto axes = said_axes(step, 3);
  if (!axes) {  // the first ones, as many as there are starts
    const OnnxAttribute* const starts = step.node.find("starts");
    if (step.input(3) != nullptr || x->axis == 0) return std::nullopt;
    const auto given = starts ? std::optional(starts->integers) : integers_of(step.input(1));
    if (!given || given->size() > x->axis) return std::nullopt;
    axes.emplace();
    for (std::size_t i = 0; i < given->size(); ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  auto dims = *x->dims;
  for (const std::int64_t each : *axes) {
    const auto axis = axis_of(each, x->rank());
    if (!axis || *axis == x->axis) return std::nullopt;
    dims[*axis] = unknown_size;
  }
  return one(Value::of_records(std::move(dims), x->axis));
}

RuleResult gather(const OperatorStep& step) {
  const Value* const data = step.input(0);
  const Value* const indices = step.input(1);
  if (data == nullptr || indices == nullptr || !data->dims) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", 0), data->rank());
  if (!axis || !indices->dims) return std::nullopt;
  auto dims = *data->dims;
  const auto at = dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*axis));
  dims.insert(at, indices->dims->begin(), indices->dims->end());
  if (data->is_constant() && indices->has_records())
    return one(Value::of_records(std::move(dims), *axis + indices->axis));
  if (!data->has_records() || !is_fixed(indices) || *axis == data->axis) return std::nullopt;
  const std::size_t moved = *axis < data->axis ? data->axis + indices->rank() - 1 : data->axis;
  return one(Value::of_records(std::move(dims), moved));
}

RuleResult gather_elements(const OperatorStep& step) {
  const Value* const data = records_of(step);
  const Value* const indices = step.input(1);
  if (data == nullptr || indices == nullptr || !indices->has_records()) return std::nullopt;
  const auto axis = axis_of(step.node.integer("axis", 0), data->rank());
  if (!axis || *axis == data->axis || indices->rank() != data->rank() ||
      indices->axis != data->axis)
    return std::nullopt;
  return one(*indices);
}

RuleResult pad(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || !are_fixed(step, 1) || step.input(3) != nullptr) return std::nullopt;
  const OnnxAttribute* const said = step.node.find("pads");
  const auto pads = said ? std::optional(said->integers) : integers_of(step.input(1));
  if (!pads || pads->size() != 2 * x->rank()) return std::nullopt;
  if ((*pads)[x->axis] != 0 || (*pads)[x->rank() + x->axis] != 0) return std::nullopt;
  auto dims = *x->dims;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if ((*pads)[i] != 0 || (*pads)[dims.size() + i] != 0) dims[i] = unknown_size;
  return one(Value::of_records(std::move(dims), x->axis));
}

RuleResult tile(const OperatorStep& step) {
  const Value* const x = records_of(step);
  const auto repeats = sizes_of(step.input(1));
  if (x == nullptr || !repeats || repeats->size() != x->rank()) return std::nullopt;
  const Size& own = (*repeats)[x->axis];
  if (own.kind != Kind::number || own.number != 1) return std::nullopt;
  auto dims = *x->dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const Size& each = (*repeats)[i];
    if (each.kind == Kind::records || each.kind == Kind::mixed) return std::nullopt;
    if (each.kind != Kind::number || each.number != 1) dims[i] = unknown_size;
  }
  return one(Value::of_records(std::move(dims), x->axis));
}

// Lays the value over a shape; a constant that is laid over the number of records has them then.
std::optional<Value> expanded(const Value& x, std::span<const Size> wanted) {
  if (!x.dims) return std::nullopt;
  const std::size_t rank = std::max(x.rank(), wanted.size());
  std::optional<std::size_t> axis;
  if (x.has_records()) axis = rank - x.rank() + x.axis;
  auto dims = *x.dims;
  dims.insert(dims.begin(), rank - x.rank(), 1);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::size_t at = rank - wanted.size() + i;
    const Size& size = wanted[i];
    if (size.kind == Kind::mixed) return std::nullopt;
    const bool is_own = axis == at;
    if (size.kind == Kind::records) {
      if (axis && !is_own) return std::nullopt;
      if (!axis && dims[at] != 1) return std::nullopt;
      axis = at;
    } else if (is_own && (size.kind != Kind::number || size.number != 1)) {
      return std::nullopt;
    } else if (size.kind != Kind::number || size.number != 1) {
      dims[at] = size.kind == Kind::number ? size.number : unknown_size;
    }
  }
  if (!axis) return Value{.dims = std::move(dims)};
  return Value::of_records(std::move(dims), *axis);
}

RuleResult expand(const OperatorStep& step) {
  const Value* const x = step.input(0);
  const auto wanted = sizes_of(step.input(1));
  if (x == nullptr || x->kind == Value::Kind::sizes || !wanted) return std::nullopt;
  return one(expanded(*x, *wanted));
}

// Whether they are those of the records' axis, and then of others.
bool begin_with_records(std::span<const Size> sizes) {
  return !sizes.empty() && sizes.front().kind == Kind::records &&
         std::ranges::none_of(sizes.subspan(1), [](const Size& size) {
           return size.kind == Kind::records || size.kind == Kind::mixed;
         });
}

// Scales images: N, C, H, W. The first scale, or size, leaves the number of records. Where sizes
// are made to fit the aspect ratio, all of them change.
RuleResult resize(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || x->axis != 0 || step.node.find("axes") != nullptr) return std::nullopt;
  if (const OnnxAttribute* const policy = step.node.find("keep_aspect_ratio_policy"))
    if (policy->text != "stretch") return std::nullopt;
  if (const OnnxAttribute* const mode = step.node.find("coordinate_transformation_mode"))
    if (mode->text == "tf_crop_and_resize") return std::nullopt;
  const bool is_old = step.node.op == "Upsample" || step.version < 11;
  const Value* const scales = step.input(is_old ? 1 : 2);
  const auto sizes = step.input(3) != nullptr ? sizes_of(step.input(3)) : std::nullopt;
  const bool by_sizes = sizes && begin_with_records(*sizes);
  const bool by_scales = step.input(3) == nullptr && scales != nullptr && scales->numbers &&
                         !scales->numbers->empty() && scales->numbers->front() == 1.0;
  if (!by_sizes && !by_scales) return std::nullopt;
  return one(Value::of_records(std::vector<std::int64_t>(x->rank(), unknown_size), 0));
}

// D and S of N, C, H, W.
RuleResult of_image(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || x->axis != 0 || x->rank() != 4) return std::nullopt;
  return one(Value::of_records(std::vector<std::int64_t>(4, unknown_size), 0));
}

RuleResult triangle(const OperatorStep& step) {
  const Value* const x = records_of(step);
  if (x == nullptr || !are_fixed(step, 1) || x->axis + 2 >= x->rank()) return std::nullopt;
  return one(*x);
}

// ---- sizes alone

bool names_records(const Value* value) {
  return value != nullptr && value->kind == Value::Kind::sizes &&
         std::ranges::any_of(value->sizes, [](const Size& size) {
           return size.kind == Kind::records || size.kind == Kind::mixed;
         });
}

std::optional<Value> gathered(const OperatorStep& step) {
  const auto sizes = sizes_of(step.input(0));
  const auto indices = integers_of(step.input(1));
  if (!sizes || !indices || !step.input(1)->dims) return std::nullopt;
  std::vector<Size> out;
  for (const std::int64_t each : *indices) {
    const auto at = axis_of(each, sizes->size());
    if (!at) return std::nullopt;
    out.push_back((*sizes)[*at]);
  }
  auto value = list_of(std::move(out));
  value.dims = step.input(1)->dims;
  return value;
}

std::optional<Value> sliced(const OperatorStep& step) {
  const auto sizes = sizes_of(step.input(0));
  const auto starts = integers_of(step.input(1));
  const auto ends = integers_of(step.input(2));
  const auto steps = step.input(4) != nullptr ? integers_of(step.input(4)) : std::vector{1L};
  if (!sizes || !starts || !ends || starts->size() != 1 || ends->size() != 1 || !steps ||
      steps->size() != 1 || steps->front() != 1)
    return std::nullopt;
  const auto count = static_cast<std::int64_t>(sizes->size());
  const auto bounded = [count](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + count : at, 0, count);
  };
  const std::int64_t first = bounded(starts->front());
  const std::int64_t last = std::max(first, bounded(ends->front()));
  return list_of({sizes->begin() + first, sizes->begin() + last});
}

std::optional<Value> put_together(const OperatorStep& step) {
  std::vector<Size> out;
  for (const Value* each : step.in) {
    const auto sizes = sizes_of(each);
    if (!sizes) return std::nullopt;
    out.insert(out.end(), sizes->begin(), sizes->end());
  }
  return list_of(std::move(out));
}

std::optional<Value> filled(const OperatorStep& step) {
  const auto wanted = sizes_of(step.input(0));
  return wanted ? expanded(Value{.dims = std::vector<std::int64_t>{}}, *wanted) : std::nullopt;
}

// Of a single size; lists stay lists.
std::optional<std::size_t> reshaped_rank(const OperatorStep& step, const Value& x) {
  if (step.node.op == "Reshape") {
    const auto wanted = integers_of(step.input(1));
    return wanted ? std::optional(wanted->size()) : std::nullopt;
  }
  const auto axes = said_axes(step, 1);
  if (step.node.op == "Unsqueeze")
    return axes ? std::optional(x.rank() + axes->size()) : std::nullopt;
  if (!axes && step.input(1) != nullptr) return std::nullopt;
  return x.rank() - std::min(axes ? axes->size() : x.rank(), x.rank());
}

std::optional<Value> same_sizes(const OperatorStep& step) {
  const Value* const x = step.input(0);
  if (x == nullptr || x->kind != Value::Kind::sizes || !are_fixed(step, 1)) return std::nullopt;
  if (step.node.op == "Cast" && !casts_whole_numbers(step.node)) return std::nullopt;
  if (step.node.op == "Identity" || step.node.op == "Cast") return *x;
  const auto rank = reshaped_rank(step, *x);
  if (!rank || (*rank != 1 && x->sizes.size() != 1)) return std::nullopt;
  Value out = *x;
  out.dims.emplace(*rank, 1);
  if (*rank == 1) out.dims = {{static_cast<std::int64_t>(x->sizes.size())}};
  return out;
}

}  // namespace

RuleResult follow_sizes(const OperatorStep& step) {
  const std::string_view op = step.node.domain.empty() ? std::string_view(step.node.op) : "";
  if (op == "ConstantOfShape") return one(filled(step));
  if (op == "Expand") return expand(step);
  std::optional<Value> out;
  if (op == "Gather" && step.node.integer("axis", 0) == 0) out = gathered(step);
  if (op == "Slice") out = sliced(step);
  if (op == "Concat") out = put_together(step);
  if (op == "Identity" || op == "Cast" || op == "Squeeze" || op == "Unsqueeze" || op == "Reshape")
    out = same_sizes(step);
  if (out) return one(std::move(out));
  if (std::ranges::any_of(step.in, names_records)) return std::nullopt;
  return std::vector<Value>(step.node.outputs.size(), Value{});
}

std::span<const NamedRule> shape_rules() {
  static constexpr NamedRule rules[] = {
      {"Shape", shape},
      {"Reshape", reshape},
      {"Flatten", flatten},
      {"Transpose", transpose},
      {"Unsqueeze", unsqueeze},
      {"Squeeze", squeeze},
      {"Concat", concat},
      {"Split", split},
      {"Slice", slice},
      {"Gather", gather},
      {"GatherElements", gather_elements},
      {"Pad", pad},
      {"Tile", tile},
      {"Expand", expand},
      {"Resize", resize},
      {"Upsample", resize},
      {"DepthToSpace", of_image},
      {"SpaceToDepth", of_image},
      {"Trilu", triangle},
  };
  return rules;
}

}  // namespace slipway::modelserver::row_wise
