#include "modelserver/formats/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "modelserver/formats/json_cursor.h"
#include "modelserver/formats/numbers.h"
#include "net/http.h"

namespace slipway::modelserver {
namespace {

struct AcceptName {
  std::string_view media;
  AcceptType type;
};

constexpr std::array<AcceptName, 8> accept_names = {{
    {"application/json", AcceptType::json},
    {"text/csv", AcceptType::csv},
    {"application/jsonlines", AcceptType::json_lines},
    {"application/x-npy", AcceptType::npy},
    {"application/x-recordio-protobuf", AcceptType::recordio},
    {"application/x-jsonlines", AcceptType::json_lines},
    {"application/x-ndjson", AcceptType::json_lines},
    {"text/json", AcceptType::json},
}};

// The weight among the parameters of a media range: 1 unless q says otherwise; 0: not that one.
// What is no weight counts as 0 too.
double weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = trimmed(take_until(parameters, ';'));
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    double weight = 0;
    const auto digits = parameter.substr(2);
    const char* const last = digits.data() + digits.size();
    return read_double(digits.data(), last, weight) == last && weight <= 1 ? weight : 0;
  }
  return 1;
}

// How closely a media range names a type: 3 itself, 2 "application/*", 1 "*/*", 0 not at all.
int closeness(std::string_view range, std::string_view media) {
  if (net::same_name(range, media)) return 3;
  const auto slash = media.find('/');
  if (range.ends_with("/*") &&
      net::same_name(range.substr(0, range.size() - 2), media.substr(0, slash)))
    return 2;
  return range == "*/*" ? 1 : 0;
}

// A standing is what a header says of one type: its weight by the range that names it most closely,
// and where that range stands.
struct Standing {
  int closest = 0;
  double weight = 0;
  std::size_t place = 0;
};

Standing standing_of(std::string_view header, std::string_view media) {
  Standing out;
  for (std::size_t place = 0; !header.empty(); ++place) {
    std::string_view item = take_until(header, ',');
    const std::string_view range = trimmed(take_until(item, ';'));
    const int close = closeness(range, media);
    if (close <= out.closest) continue;
    out = {close, weight_of(item), place};
  }
  return out;
}

template <typename T>
T element_at(const Tensor& tensor, std::size_t index) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + index * sizeof value, sizeof value);
  return value;
}

template <typename T>
void append_integer(std::string& out, T value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_element(std::string& out, const Tensor& tensor, std::size_t i) {
  switch (tensor.type) {
    case ElementType::float32: return append_float(out, element_at<float>(tensor, i));
    case ElementType::float64: return append_double(out, element_at<double>(tensor, i));
    case ElementType::float16:
      return append_float(out, half_to_float(element_at<std::uint16_t>(tensor, i)));
    case ElementType::int8:
      return append_integer(out, static_cast<int>(element_at<std::int8_t>(tensor, i)));
    case ElementType::int16: return append_integer(out, element_at<std::int16_t>(tensor, i));
    case ElementType::int32: return append_integer(out, element_at<std::int32_t>(tensor, i));
    case ElementType::int64: return append_integer(out, element_at<std::int64_t>(tensor, i));
    case ElementType::uint8:
      return append_integer(out, static_cast<unsigned>(element_at<std::uint8_t>(tensor, i)));
    case ElementType::uint16: return append_integer(out, element_at<std::uint16_t>(tensor, i));
    case ElementType::uint32: return append_integer(out, element_at<std::uint32_t>(tensor, i));
    case ElementType::uint64: return append_integer(out, element_at<std::uint64_t>(tensor, i));
    case ElementType::boolean:
      out += element_at<std::uint8_t>(tensor, i) != 0 ? "true" : "false";
      return;
    case ElementType::string: return append_json_string(out, tensor.strings[i]);
  }
}

// One output, cut to a range of records.
struct View {
  const Tensor* tensor = nullptr;
  std::string_view name;
  std::int64_t records = 1;     // the first size; 1 for a scalar
  std::size_t first = 0;        // element
  std::size_t record_size = 1;  // elements
  std::span<const std::int64_t> record_shape;
  bool scalar = false;
};

View view_of(const Tensor& tensor, std::string_view name, RecordRange range) {
  View view;
  view.tensor = &tensor;
  view.name = name;
  if (tensor.shape.empty()) {
    view.scalar = true;
    return view;
  }
  view.record_shape = std::span(tensor.shape).subspan(1);
  view.record_size = 1;
  for (const auto size : view.record_shape) view.record_size *= static_cast<std::size_t>(size);
  view.records = range.whole ? tensor.shape[0] : range.count;
  view.first = range.whole ? 0 : static_cast<std::size_t>(range.first) * view.record_size;
  return view;
}

// Nested arrays of `shape`, from element `at` on, which moves behind them.
void append_array(std::string& out, const Tensor& tensor, std::span<const std::int64_t> shape,
                  std::size_t& at) {
  if (shape.empty()) return append_element(out, tensor, at++);
  out += '[';
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    if (i > 0) out += ", ";
    append_array(out, tensor, shape.subspan(1), at);
  }
  out += ']';
}

void append_record(std::string& out, const View& view, std::int64_t record) {
  std::size_t at = view.first + static_cast<std::size_t>(record) * view.record_size;
  append_array(out, *view.tensor, view.record_shape, at);
}

void append_value(std::string& out, const View& view) {
  if (view.scalar) return append_element(out, *view.tensor, 0);
  out += '[';
  for (std::int64_t i = 0; i < view.records; ++i) {
    if (i > 0) out += ", ";
    append_record(out, view, i);
  }
  out += ']';
}

bool all_by_record(std::span<const View> views) {
  return std::ranges::all_of(
      views, [&](const View& view) { return !view.scalar && view.records == views[0].records; });
}

// A record's value; for several outputs {name: value, ...}.
void append_json_record(std::string& out, std::span<const View> views, std::int64_t record,
                        Flavor flavor) {
  if (views.size() == 1) {
    if (flavor != Flavor::plain) out += "{\"score\": ";
    append_record(out, views[0], record);
    if (flavor != Flavor::plain) out += '}';
    return;
  }
  out += '{';
  for (const View& view : views) {
    if (&view != views.data()) out += ", ";
    append_json_string(out, view.name);
    out += ": ";
    append_record(out, view, record);
  }
  out += '}';
}

void append_json_outputs(std::string& out, std::span<const View> views) {
  out += "{\"outputs\": {";
  for (const View& view : views) {
    if (&view != views.data()) out += ", ";
    append_json_string(out, view.name);
    out += ": ";
    append_value(out, view);
  }
  out += "}}";
}

void append_json(std::string& out, std::span<const View> views, AnswerStyle style, Flavor flavor) {
  if (style == AnswerStyle::outputs || !all_by_record(views)) {
    if (views.size() == 1 && style == AnswerStyle::predictions) {
      out += "{\"predictions\": ";
      append_value(out, views[0]);
      out += '}';
      return;
    }
    return append_json_outputs(out, views);
  }
  out += "{\"predictions\": [";
  for (std::int64_t i = 0; i < views[0].records; ++i) {
    if (i > 0) out += ", ";
    append_json_record(out, views, i, flavor);
  }
  out += "]}";
}

void append_csv_text(std::string& out, const Tensor& tensor, std::size_t i) {
  if (tensor.type != ElementType::string) return append_element(out, tensor, i);
  const std::string& text = tensor.strings[i];
  if (text.find_first_of(",\"\r\n") == text.npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_csv_lines(std::string& out, std::span<const View> views) {
  for (std::int64_t record = 0; record < views[0].records; ++record) {
    bool first = true;
    for (const View& view : views) {
      const auto start = view.first + static_cast<std::size_t>(record) * view.record_size;
      for (std::size_t i = start; i < start + view.record_size; ++i, first = false) {
        if (!first) out += ',';
        append_csv_text(out, *view.tensor, i);
      }
    }
    out += '\n';
  }
}

// As AWS's XGBoost image does: "0.1,0.2" for three records of one value, "[0.1, 0.9],[0.8, 0.2]"
// for records of several; in a transform job a line for each.
void append_csv_like_xgboost(std::string& out, const View& view, Flavor flavor) {
  const bool by_line = flavor == Flavor::xgboost_batch;
  for (std::int64_t i = 0; i < view.records; ++i) {
    if (i > 0 && !by_line) out += ',';
    append_record(out, view, i);
    if (by_line) out += '\n';
  }
}

std::string_view numpy_type_of(ElementType type) {
  constexpr std::array<std::string_view, 12> names = {"<f4", "<f8", "<f2", "|i1", "<i2", "<i4",
                                                      "<i8", "|u1", "<u2", "<u4", "<u8", "|b1"};
  return names[static_cast<std::size_t>(type)];
}

void append_npy(std::string& out, const View& view) {
  std::string shape;
  if (!view.scalar) {
    shape = fmt::format("{},", view.records);
    for (const auto size : view.record_shape) shape += fmt::format(" {},", size);
    if (!view.record_shape.empty()) shape.pop_back();
  }
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   numpy_type_of(view.tensor->type), shape);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  out += std::string_view("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  const auto width = size_of(view.tensor->type);
  const auto* const first = reinterpret_cast<const char*>(view.tensor->bytes.data());
  out.append(first + view.first * width,
             static_cast<std::size_t>(view.records) * view.record_size * width);
}

Result<> refuse(std::string_view type, std::string_view why) {
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("The answer cannot be written as {}: {}. Ask for application/json.", type, why));
}

Result<> encode_by_record(std::span<const View> views, AcceptType type, Flavor flavor,
                          std::string& out) {
  if (!all_by_record(views) && !(views.size() == 1 && views[0].scalar))
    return refuse(media_type_of(type), "the model's outputs have different numbers of records");
  if (type == AcceptType::csv) {
    const bool is_list = flavor == Flavor::xgboost || flavor == Flavor::xgboost_batch;
    if (is_list && views.size() == 1) {
      append_csv_like_xgboost(out, views[0], flavor);
    } else {
      append_csv_lines(out, views);
    }
    return {};
  }
  for (std::int64_t i = 0; i < views[0].records; ++i) {
    append_json_record(out, views, i, flavor);
    out += '\n';
  }
  return {};
}

}  // namespace

std::string_view media_type_of(AcceptType type) {
  return accept_names[static_cast<std::size_t>(type)].media;
}

std::string_view written_types(AnswerKind kind) {
  return kind == AnswerKind::outputs
             ? "application/json, text/csv, application/jsonlines and application/x-npy"
             : "application/json, text/csv, application/jsonlines and "
               "application/x-recordio-protobuf";
}

std::optional<AcceptType> accept_type_of(std::string_view media, AnswerKind kind) {
  for (const AcceptName& name : accept_names)
    if (is_written(kind, name.type) && net::same_name(name.media, media)) return name.type;
  return std::nullopt;
}

std::optional<AcceptType> choose_accept(std::string_view header, AcceptType own, AnswerKind kind) {
  if (trimmed(header).empty()) return own;
  // One plain type, as nearly all clients send.
  if (const auto type = accept_type_of(header, kind)) return type;
  std::optional<AcceptType> chosen;
  Standing best;
  const auto weigh = [&](const AcceptName& name) {
    if (!is_written(kind, name.type)) return;
    const Standing standing = standing_of(header, name.media);
    // Other names of a type count where they are said.
    if (standing.closest < 3 && name.media != media_type_of(name.type)) return;
    const bool is_better =
        standing.weight > best.weight ||
        (standing.weight == best.weight && standing.weight > 0 && standing.place < best.place);
    if (!is_better) return;
    best = standing;
    chosen = name.type;
  };
  // Its own first: where a header does not prefer another, it stays.
  for (const AcceptName& name : accept_names)
    if (name.type == own) weigh(name);
  for (const AcceptName& name : accept_names)
    if (name.type != own) weigh(name);
  return chosen;
}

Result<> encode(const ModelSignature& signature, std::span<const Tensor> outputs, RecordRange range,
                AcceptType type, AnswerStyle style, Flavor flavor, std::string& out) {
  std::vector<View> views;
  views.reserve(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    views.push_back(view_of(outputs[i], signature.outputs[i].name, range));
  switch (type) {
    case AcceptType::json: append_json(out, views, style, flavor); return {};
    case AcceptType::csv:
    case AcceptType::json_lines: return encode_by_record(views, type, flavor, out);
    case AcceptType::npy:
      if (views.size() != 1)
        return refuse("application/x-npy", "it is one array, and the model gives several outputs");
      if (outputs[0].type == ElementType::string)
        return refuse("application/x-npy", "the model gives strings");
      append_npy(out, views[0]);
      return {};
    case AcceptType::recordio: break;
  }
  return refuse(media_type_of(type), "only what SAGEMAKER_INFERENCE_OUTPUT selects has that form");
}

}  // namespace slipway::modelserver
