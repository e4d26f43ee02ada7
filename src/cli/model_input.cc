#include "cli/model_input.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace slipway::cli {

namespace {

constexpr std::uint64_t features_max = 1'000'000;

// A message of protobuf, field by field.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  // False at the end, and at what is no field.
  bool next() {
    const auto tag = varint();
    if (!tag) return false;
    number = *tag >> 3;
    switch (*tag & 7) {
      case 0: return take_value();
      case 1: return take_bytes(8);
      case 2: {
        const auto length = varint();
        return length && take_bytes(*length);
      }
      case 5: return take_bytes(4);
      default: return false;
    }
  }

  bool at_end() const { return rest_.empty(); }

  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a number
  std::string_view bytes;   // of everything else

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t sum = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      sum |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return sum;
    }
    return std::nullopt;
  }
  bool take_value() {
    const auto number_there = varint();
    value = number_there.value_or(0);
    bytes = {};
    return number_there.has_value();
  }
  bool take_bytes(std::uint64_t count) {
    if (count > rest_.size()) return false;
    bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }

  std::string_view rest_;
};

std::vector<std::string_view> all_of(std::string_view message, std::uint64_t number) {
  std::vector<std::string_view> found;
  for (Fields fields(message); fields.next();)
    if (fields.number == number) found.push_back(fields.bytes);
  return found;
}

std::string_view first_of(std::string_view message, std::uint64_t number) {
  const auto found = all_of(message, number);
  return found.empty() ? std::string_view() : found.front();
}

std::uint64_t number_of(std::string_view message, std::uint64_t number) {
  for (Fields fields(message); fields.next();)
    if (fields.number == number) return fields.value;
  return 0;
}

// Numbers as onnx.TensorProto.DataType has them, not text (8).
constexpr std::uint64_t text_type = 8;

// The digits that come first within a few bytes: `"30"` in JSON, a length and `30` in UBJSON.
std::optional<std::uint64_t> number_within(std::string_view text) {
  constexpr std::string_view digits = "0123456789";
  const std::string_view near = text.substr(0, 32);
  const std::size_t begin = near.find_first_of(digits);
  if (begin == std::string_view::npos || begin > 16) return std::nullopt;
  std::uint64_t number = 0;
  std::from_chars(near.data() + begin, near.data() + near.size(), number);
  return number;
}

std::optional<RecordShape> row_of(std::uint64_t features) {
  if (features == 0 || features > features_max) return std::nullopt;
  return RecordShape{.axes = {features}};
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

// Reads the strings of a pickled list, as long as each is written out: one that stood in the file
// before is only referred to, and then there are no names.
class PickledNames {
 public:
  // `rest` begins behind the list's MARK.
  explicit PickledNames(std::string_view rest) : rest_(rest) {}

  std::vector<std::string> all() {
    std::vector<std::string> names;
    while (!rest_.starts_with('e')) {  // APPENDS
      const auto name = next();
      if (!name) return {};
      names.emplace_back(*name);
    }
    return names;
  }

 private:
  // A string with one byte of length or four (SHORT_BINUNICODE, BINUNICODE), and its place in the
  // memo.
  std::optional<std::string_view> next() {
    const std::size_t width = rest_.starts_with('\x8c') ? 1 : rest_.starts_with('X') ? 4 : 0;
    if (width == 0 || rest_.size() < 1 + width) return std::nullopt;
    const std::uint64_t length = little_endian(rest_.substr(1, width));
    rest_.remove_prefix(1 + width);
    if (length >= rest_.size()) return std::nullopt;
    const std::string_view name = rest_.substr(0, length);
    rest_.remove_prefix(length);
    skip_memo();
    return name;
  }
  void skip_memo() {
    const char memo = rest_.front();
    const std::size_t width = memo == '\x94' ? 1 : memo == 'q' ? 2 : memo == 'r' ? 5 : 0;
    rest_.remove_prefix(std::min(width, rest_.size()));
  }

  std::string_view rest_;
};

// feature_names_in_ is an array of numpy; of its state the list of strings comes last, behind the
// flag for the order of its axes: NEWFALSE, EMPTY_LIST, a place in the memo, MARK.
std::vector<std::string> column_names(std::string_view from_name_on) {
  constexpr std::string_view list = "\x89]";
  const std::size_t at = from_name_on.find(list);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = from_name_on.substr(at + list.size());
  const std::size_t mark = rest.substr(0, 6).find('(');
  return mark == std::string_view::npos ? std::vector<std::string>()
                                        : PickledNames(rest.substr(mark + 1)).all();
}

}  // namespace

bool is_onnx(std::string_view content) {
  constexpr std::uint64_t graph_field = 7;
  constexpr std::uint64_t known[] = {1, 2, 3, 4, 5, 6, graph_field, 8, 14, 20, 25, 26};
  bool graph_seen = false;
  Fields fields(content);
  while (fields.next()) {
    if (std::ranges::find(known, fields.number) == std::end(known)) return false;
    graph_seen = graph_seen || (fields.number == graph_field && !fields.bytes.empty());
  }
  return graph_seen && fields.at_end();
}

// ModelProto.graph is 7; GraphProto.initializer 5 and input 11; ValueInfoProto.name 1 and type 2;
// TypeProto.tensor_type 1; its elem_type 1 and shape 2; TensorShapeProto.dim 1; its dim_value 1.
std::optional<RecordShape> onnx_record(std::string_view content) {
  const std::string_view graph = first_of(content, 7);
  std::vector<std::string_view> given;  // older exporters list the weights among the inputs
  for (const std::string_view weights : all_of(graph, 5)) given.push_back(first_of(weights, 8));
  std::vector<std::string_view> inputs;
  for (const std::string_view input : all_of(graph, 11))
    if (std::ranges::find(given, first_of(input, 1)) == given.end()) inputs.push_back(input);
  if (inputs.size() != 1) return std::nullopt;
  const std::string_view tensor = first_of(first_of(inputs.front(), 2), 1);
  if (tensor.empty() || number_of(tensor, 1) == text_type) return std::nullopt;
  const auto dims = all_of(first_of(tensor, 2), 1);
  RecordShape record;
  for (std::size_t i = 1; i < dims.size(); ++i) record.axes.push_back(number_of(dims[i], 1));
  const bool known = std::ranges::all_of(
      record.axes, [](std::uint64_t axis) { return axis > 0 && axis <= features_max; });
  if (record.axes.empty() || !known) return std::nullopt;
  return record;
}

std::optional<RecordShape> xgboost_record(std::string_view content) {
  constexpr std::string_view name = "num_feature";
  while (true) {
    const std::size_t at = content.rfind(name);
    if (at == std::string_view::npos) return std::nullopt;
    if (const auto features = number_within(content.substr(at + name.size())))
      return row_of(*features);
    content = content.substr(0, at);
  }
}

// The name of the count is written out once, where the first part of the model that has it is;
// behind it stand the place in the memo (opcodes \x94, q, r) and a number of one, two or four bytes
// (K, M, J).
std::optional<RecordShape> sklearn_record(std::string_view content) {
  if (!content.starts_with('\x80')) return std::nullopt;
  const std::size_t names = content.find("feature_names_in_");
  if (names != std::string_view::npos && content.contains("_column_transformer"))
    return RecordShape{.of = RecordShape::Of::columns,
                       .names = column_names(content.substr(names))};
  const bool of_texts =
      content.contains("sklearn.feature_extraction.text") && content.contains("Vectorizer");
  if (of_texts) return RecordShape{.of = RecordShape::Of::text};
  constexpr std::string_view name = "n_features_in_";
  const std::size_t at = content.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = content.substr(at + name.size());
  if (rest.size() < 16) return std::nullopt;
  const char memo = rest.front();
  rest.remove_prefix(memo == '\x94' ? 1 : memo == 'q' ? 2 : memo == 'r' ? 5 : 0);
  const char opcode = rest.front();
  const std::size_t width = opcode == 'K' ? 1 : opcode == 'M' ? 2 : opcode == 'J' ? 4 : 0;
  return row_of(little_endian(rest.substr(1, width)));
}

}  // namespace slipway::cli
