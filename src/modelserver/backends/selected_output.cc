#include "modelserver/backends/selected_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <protozero/pbf_writer.hpp>

#include "base/log.h"
#include "base/text.h"
#include "modelserver/formats/json_cursor.h"
#include "modelserver/formats/numbers.h"
#include "modelserver/formats/recordio.h"

namespace slipway::modelserver {
namespace {

constexpr double not_said = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::string_view, 7> key_names = {
    "predicted_label", "labels",     "probability",    "probabilities",
    "raw_score",       "raw_scores", "predicted_score"};

constexpr std::array classes_with_probabilities = {
    OutputKey::predicted_label, OutputKey::labels,    OutputKey::probability,
    OutputKey::probabilities,   OutputKey::raw_score, OutputKey::raw_scores};
constexpr std::array classes_alone = {OutputKey::predicted_label, OutputKey::labels,
                                      OutputKey::raw_score, OutputKey::raw_scores};
constexpr std::array score_alone = {OutputKey::predicted_score};

// How a raw prediction tells the label.
enum class Label : std::uint8_t { itself, above_half, above_zero, largest, none };

struct Selectable {
  std::string_view objective;
  std::span<const OutputKey> keys;
  Label label;
};

constexpr std::array<Selectable, 10> selectable = {{
    {"reg:squarederror", score_alone, Label::none},
    {"reg:logistic", score_alone, Label::none},
    {"reg:gamma", score_alone, Label::none},
    {"reg:absoluteerror", score_alone, Label::none},
    {"reg:tweedie", score_alone, Label::none},
    {"binary:logistic", classes_with_probabilities, Label::above_half},
    {"binary:logitraw", classes_alone, Label::above_zero},
    {"binary:hinge", classes_alone, Label::itself},
    {"multi:softmax", classes_alone, Label::itself},
    {"multi:softprob", classes_with_probabilities, Label::largest},
}};

const Selectable* find_selectable(std::string_view objective) {
  const auto found = std::ranges::find(selectable, objective, &Selectable::objective);
  return found == selectable.end() ? nullptr : &*found;
}

std::string names_of(std::span<const OutputKey> keys) {
  std::string names;
  for (const OutputKey key : keys)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", key_names[static_cast<int>(key)]);
  return names;
}

std::string names_of_objectives() {
  std::string names;
  for (const Selectable& each : selectable)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", each.objective);
  return names;
}

// An empty variable names one key, which is empty, as Python splits it.
std::vector<std::string> names_in(std::string_view variable) {
  std::string plain = to_lower(variable);
  std::erase(plain, ' ');
  std::vector<std::string> names;
  std::string_view rest = plain;
  for (auto left = std::ranges::count(plain, ',') + 1; left > 0; --left)
    names.emplace_back(take_until(rest, ','));
  return names;
}

std::size_t largest_of(std::span<const float> values) {
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

// As JSON and Python's repr write it, which differ in NaN and infinities.
enum class Words : std::uint8_t { json, python };

void append_number(std::string& out, double value, Words words) {
  if (std::isfinite(value) || words == Words::json) return append_double(out, value);
  out += std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

}  // namespace

struct SelectedOutput::Value {
  enum class Form : std::uint8_t { number, list };
  enum class Kind : std::uint8_t { real, whole };
  std::vector<double> numbers;
  Form form = Form::number;
  Kind kind = Kind::real;

  void append(std::string& out, Words words) const {
    if (form == Form::list) out += '[';
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (i > 0) out += ", ";
      if (kind == Kind::whole)
        out += fmt::format("{}", static_cast<std::int64_t>(numbers[i]));
      else
        append_number(out, numbers[i], words);
    }
    if (form == Form::list) out += ']';
  }
};

Result<SelectedOutput> SelectedOutput::read(std::string_view variable, const Objective& objective,
                                            std::size_t values_per_record) {
  const auto refuse = [&](std::string why) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("SAGEMAKER_INFERENCE_OUTPUT is '{}', and {}. Leave it out, and the "
                            "model's own predictions are answered.",
                            variable, why));
  };
  const Selectable* const known = find_selectable(objective.name);
  if (known == nullptr)
    return refuse(
        fmt::format("nothing can be selected for the objective '{}', as in AWS's image; "
                    "for these it can: {}",
                    objective.name, names_of_objectives()));
  const std::size_t due = known->label == Label::largest ? objective.classes : 1;
  if (values_per_record != due)
    return refuse(fmt::format("the model answers {} values for a record where '{}' has {}",
                              values_per_record, objective.name, due));
  SelectedOutput selected(objective);
  selected.take(names_in(variable));
  std::string unknown;
  for (const Member& member : selected.members_)
    if (!member.key) unknown += fmt::format("{}{}", unknown.empty() ? "" : ", ", member.name);
  if (!unknown.empty())
    log_warning(
        "modelserver",
        "SAGEMAKER_INFERENCE_OUTPUT has names that the model's objective has nothing for; "
        "their values are NaN",
        {{"names", unknown}, {"objective", objective.name}, {"it_has", names_of(known->keys)}});
  return selected;
}

void SelectedOutput::take(std::vector<std::string> names) {
  const auto keys = find_selectable(objective_.name)->keys;
  for (const OutputKey key : keys) {
    const std::string_view name = key_names[static_cast<std::size_t>(key)];
    if (std::ranges::count(names, name) > 0) members_.push_back({std::string(name), key});
  }
  for (const std::string& name : names)
    if (std::ranges::count(members_, name, &Member::name) == 0) members_.push_back({name, {}});
  for (const std::string& name : names)
    columns_.push_back(static_cast<std::size_t>(std::ranges::find(members_, name, &Member::name) -
                                                members_.begin()));
}

SelectedOutput::Value SelectedOutput::value_of(const Member& member,
                                               std::span<const float> record) const {
  if (!member.key) return {{not_said}};
  const Label label = find_selectable(objective_.name)->label;
  const bool is_table = label == Label::largest;
  const std::size_t best = is_table ? largest_of(record) : 0;
  const auto raw = static_cast<double>(record[best]);
  using enum OutputKey;
  switch (*member.key) {
    case predicted_label:
      if (label == Label::itself) return {{raw}};
      if (is_table) return {{static_cast<double>(best)}, Value::Form::number, Value::Kind::whole};
      return {{raw > (label == Label::above_half ? 0.5 : 0.0) ? 1.0 : 0.0},
              Value::Form::number,
              Value::Kind::whole};
    case labels: {
      Value all{{}, Value::Form::list, Value::Kind::whole};
      const bool is_binary = objective_.name.starts_with("binary:");
      for (std::size_t i = 0; i < (is_binary ? 2 : objective_.classes); ++i)
        all.numbers.push_back(static_cast<double>(i));
      return all;
    }
    case probability:
    case raw_score:
    case predicted_score: return {{raw}};
    case probabilities:
    case raw_scores:
      if (is_table) return {{record.begin(), record.end()}, Value::Form::list};
      return {{1.0 - raw, raw}, Value::Form::list};
  }
  return {{not_said}};
}

void SelectedOutput::append_object(std::string& out, std::span<const float> record) const {
  out += '{';
  for (const Member& member : members_) {
    if (&member != members_.data()) out += ", ";
    append_json_string(out, member.name);
    out += ": ";
    value_of(member, record).append(out, Words::json);
  }
  out += '}';
}

void SelectedOutput::append_csv(std::string& out, std::span<const float> record) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += ',';
    const Value value = value_of(members_[columns_[i]], record);
    const bool is_list = value.form == Value::Form::list;
    if (is_list) out += '"';
    value.append(out, Words::python);
    if (is_list) out += '"';
  }
}

// A Record whose labels are the values, each a float32 tensor.
void SelectedOutput::append_record(std::string& out, std::span<const float> record) const {
  std::string message;
  protozero::pbf_writer writer(message);
  for (const Member& member : members_) {
    const Value value = value_of(member, record);
    const std::vector<float> numbers(value.numbers.begin(), value.numbers.end());
    protozero::pbf_writer entry(writer, recordio::field_label);
    entry.add_string(recordio::field_key, member.name);
    protozero::pbf_writer held(entry, recordio::field_value);
    protozero::pbf_writer tensor(held, recordio::field_float32);
    tensor.add_packed_float(recordio::field_values, numbers.begin(), numbers.end());
  }
  recordio::append_frame(out, message);
}

void SelectedOutput::encode(const Tensor& predictions, RecordRange range, AcceptType type,
                            Flavor flavor, std::string& out) const {
  const auto all = static_cast<std::size_t>(predictions.shape[0]);
  const std::size_t width = all == 0 ? 0 : predictions.size() / all;
  const std::size_t first = range.whole ? 0 : static_cast<std::size_t>(range.first);
  const std::size_t count = range.whole ? all : static_cast<std::size_t>(range.count);
  if (type == AcceptType::json) out += "{\"predictions\": [";
  for (std::size_t i = 0; i < count; ++i) {
    const std::span record(predictions.data<float>() + (first + i) * width, width);
    if (type == AcceptType::recordio) {
      append_record(out, record);
    } else if (type == AcceptType::csv) {
      if (i > 0) out += '\n';
      append_csv(out, record);
    } else {
      if (i > 0 && type == AcceptType::json) out += ", ";
      append_object(out, record);
      if (type == AcceptType::json_lines) out += '\n';
    }
  }
  if (type == AcceptType::json) out += "]}";
  if (type == AcceptType::csv && flavor == Flavor::xgboost_batch && count > 0) out += '\n';
}

}  // namespace slipway::modelserver
