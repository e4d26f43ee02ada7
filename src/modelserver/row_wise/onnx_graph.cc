#include "modelserver/row_wise/onnx_graph.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <protozero/pbf_reader.hpp>

#include "base/fd.h"

namespace slipway::modelserver {
namespace {

using Message = protozero::pbf_reader;
using protozero::pbf_wire_type;

// A field and how it is written; one that is written otherwise is passed over, as every reader of
// these files does.
constexpr std::uint32_t bytes(std::uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::length_delimited);
}
constexpr std::uint32_t varint(std::uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::varint);
}
constexpr std::uint32_t fixed32(std::uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::fixed32);
}
constexpr std::uint32_t fixed64(std::uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::fixed64);
}

// TensorProto.DataType
enum DataType : std::int32_t {
  type_float = 1,
  type_uint8 = 2,
  type_int8 = 3,
  type_int32 = 6,
  type_int64 = 7,
  type_bool = 9,
  type_double = 11,
};

std::string text_of(Message& message) { return message.get_string(); }

// ONNX's own domain has two names.
std::string domain_of(std::string said) { return said == "ai.onnx" ? std::string() : said; }

// A repeated number, packed or one by one.
template <typename Push>
void read_integers(Message& message, Push push) {
  if (message.wire_type() == pbf_wire_type::varint) return push(message.get_int64());
  for (const std::int64_t value : message.get_packed_int64()) push(value);
}

template <typename Element>
void push_raw(std::string_view bytes, std::vector<double>& out) {
  for (std::size_t at = 0; at + sizeof(Element) <= bytes.size(); at += sizeof(Element)) {
    Element element;
    std::memcpy(&element, bytes.data() + at, sizeof(Element));
    out.push_back(static_cast<double>(element));
  }
}

// Holds what a tensor's fields say before it is known whether they are all of it.
struct TensorFields {
  std::int32_t type = 0;
  std::string_view raw;
  std::vector<double> values;
};

// Others share fields with these and mean other numbers there: halves, or two in a byte.
bool is_read(std::int32_t type) {
  switch (type) {
    case type_float:
    case type_uint8:
    case type_int8:
    case type_int32:
    case type_int64:
    case type_bool:
    case type_double: return true;
    default: return false;
  }
}

void read_raw(TensorFields& fields) {
  switch (fields.type) {
    case type_float: return push_raw<float>(fields.raw, fields.values);
    case type_double: return push_raw<double>(fields.raw, fields.values);
    case type_int64: return push_raw<std::int64_t>(fields.raw, fields.values);
    case type_int32: return push_raw<std::int32_t>(fields.raw, fields.values);
    case type_int8: return push_raw<std::int8_t>(fields.raw, fields.values);
    case type_uint8:
    case type_bool: return push_raw<std::uint8_t>(fields.raw, fields.values);
    default: return;
  }
}

void read_numbers(Message& message, std::uint32_t field, TensorFields& fields) {
  const auto push = [&](auto value) {
    if (fields.values.size() <= OnnxConstant::values_max)
      fields.values.push_back(static_cast<double>(value));
  };
  const bool packed = message.wire_type() == pbf_wire_type::length_delimited;
  if (field == 4) {  // float_data
    if (!packed) return push(message.get_float());
    for (const float value : message.get_packed_float()) push(value);
  } else if (field == 10) {  // double_data
    if (!packed) return push(message.get_double());
    for (const double value : message.get_packed_double()) push(value);
  } else {  // int32_data, int64_data
    read_integers(message, push);
  }
}

OnnxConstant read_constant(Message message, std::string* name = nullptr) {
  OnnxConstant out;
  TensorFields fields;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case varint(1):
      case bytes(1):
        read_integers(message, [&](std::int64_t dim) { out.dims.push_back(dim); });
        break;
      case varint(2): fields.type = message.get_int32(); break;
      case fixed32(4):
      case bytes(4):
      case varint(5):
      case bytes(5):
      case varint(7):
      case bytes(7):
      case fixed64(10):
      case bytes(10): read_numbers(message, message.tag(), fields); break;
      case bytes(8):
        if (name != nullptr)
          *name = text_of(message);
        else
          message.skip();
        break;
      case bytes(9): {
        const auto raw = message.get_view();
        fields.raw = {raw.data(), raw.size()};
        break;
      }
      default: message.skip();
    }
  }
  if (fields.raw.size() <= OnnxConstant::values_max * sizeof(double)) read_raw(fields);
  double count = 1;
  for (const std::int64_t dim : out.dims) count *= static_cast<double>(dim);
  if (is_read(fields.type) && static_cast<double>(fields.values.size()) == count &&
      fields.values.size() <= OnnxConstant::values_max)
    out.values = std::move(fields.values);
  return out;
}

OnnxAttribute read_attribute(Message message, std::string& name, bool& has_graph) {
  OnnxAttribute out;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case bytes(1): name = text_of(message); break;
      case fixed32(2): out.number = message.get_float(); break;
      case varint(3): out.integer = message.get_int64(); break;
      case bytes(4): out.text = text_of(message); break;
      case bytes(5): out.constant = read_constant(message.get_message()); break;
      case bytes(6):
      case bytes(11):
        has_graph = true;
        message.skip();
        break;
      case varint(8):
      case bytes(8):
        read_integers(message, [&](std::int64_t value) { out.integers.push_back(value); });
        break;
      default: message.skip();
    }
  }
  return out;
}

OnnxNode read_node(Message message) {
  OnnxNode out;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case bytes(1): out.inputs.push_back(text_of(message)); break;
      case bytes(2): out.outputs.push_back(text_of(message)); break;
      case bytes(3): out.name = text_of(message); break;
      case bytes(4): out.op = text_of(message); break;
      case bytes(5): {
        std::string name;
        OnnxAttribute attribute = read_attribute(message.get_message(), name, out.has_graphs);
        out.attributes.insert_or_assign(std::move(name), std::move(attribute));
        break;
      }
      case bytes(7): out.domain = text_of(message); break;
      default: message.skip();
    }
  }
  out.domain = domain_of(std::move(out.domain));
  return out;
}

void read_operator_set(Message message, OnnxGraph& out) {
  std::string domain;
  std::int64_t version = 0;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case bytes(1): domain = text_of(message); break;
      case varint(2): version = message.get_int64(); break;
      default: message.skip();
    }
  }
  out.operator_sets[domain_of(std::move(domain))] = version;
}

// What no tensor has is taken for open.
std::int64_t bounded(std::int64_t size) {
  constexpr std::int64_t size_max = std::int64_t{1} << 40;
  return size >= 0 && size <= size_max ? size : -1;
}

OnnxShape read_shape(Message message) {
  OnnxShape out;
  while (message.next(1, pbf_wire_type::length_delimited)) {
    Message dim = message.get_message();
    std::int64_t size = -1;
    while (dim.next())
      if (dim.tag_and_type() == varint(1))
        size = bounded(dim.get_int64());
      else
        dim.skip();
    out.push_back(size);
  }
  return out;
}

// The name of a value, and its shape where it is a tensor of a declared rank.
std::string read_value(Message message, std::optional<OnnxShape>& shape) {
  std::string name;
  while (message.next()) {
    if (message.tag_and_type() == bytes(1)) {
      name = text_of(message);
    } else if (message.tag_and_type() == bytes(2)) {
      Message type = message.get_message();
      while (type.next(1, pbf_wire_type::length_delimited)) {  // tensor_type
        Message tensor = type.get_message();
        while (tensor.next(2, pbf_wire_type::length_delimited))
          shape = read_shape(tensor.get_message());
      }
    } else {
      message.skip();
    }
  }
  return name;
}

void read_graph(Message message, OnnxGraph& out) {
  std::vector<std::string> inputs;
  const auto note_value = [&out](Message value) {
    std::optional<OnnxShape> shape;
    std::string name = read_value(value, shape);
    if (shape) out.shapes.insert_or_assign(name, *std::move(shape));
    return name;
  };
  while (message.next()) {
    switch (message.tag_and_type()) {
      case bytes(1): out.nodes.push_back(read_node(message.get_message())); break;
      case bytes(5): {
        std::string name;
        OnnxConstant constant = read_constant(message.get_message(), &name);
        out.constants.insert_or_assign(std::move(name), std::move(constant));
        break;
      }
      case bytes(11): inputs.push_back(note_value(message.get_message())); break;
      case bytes(12): out.outputs.push_back(note_value(message.get_message())); break;
      case bytes(13): note_value(message.get_message()); break;
      default: message.skip();
    }
  }
  for (std::string& input : inputs)
    if (!out.constants.contains(input)) out.inputs.push_back(std::move(input));
}

struct Mapping {
  void* bytes = MAP_FAILED;
  std::size_t size = 0;
  ~Mapping() {
    if (bytes != MAP_FAILED) ::munmap(bytes, size);
  }
};

}  // namespace

std::optional<std::vector<std::int64_t>> OnnxConstant::integers() const {
  constexpr double exact_max = 9.0e15;
  if (!values) return std::nullopt;
  std::vector<std::int64_t> out;
  for (const double value : *values) {
    // "To the end", as slices say it, is beyond what a double holds exactly.
    const double bounded = std::clamp(value, -exact_max, exact_max);
    if (bounded != std::trunc(bounded)) return std::nullopt;
    out.push_back(static_cast<std::int64_t>(bounded));
  }
  return out;
}

std::int64_t OnnxNode::integer(std::string_view attribute, std::int64_t absent) const {
  const OnnxAttribute* const found = find(attribute);
  return found ? found->integer.value_or(0) : absent;
}

const OnnxAttribute* OnnxNode::find(std::string_view attribute) const {
  const auto found = attributes.find(attribute);
  return found == attributes.end() ? nullptr : &found->second;
}

Result<OnnxGraph> read_onnx_graph(std::string_view model) {
  OnnxGraph out;
  try {
    Message message(model.data(), model.size());
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes(7): read_graph(message.get_message(), out); break;
        case bytes(8): read_operator_set(message.get_message(), out); break;
        default: message.skip();
      }
    }
  } catch (const protozero::exception& error) {
    return fail(ErrorCode::invalid_argument, fmt::format("It is no ONNX model: {}.", error.what()));
  }
  return out;
}

Result<OnnxGraph> read_onnx_graph_of(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about = {};
  if (!file || ::fstat(file.get(), &about) != 0)
    return fail(ErrorCode::not_found, fmt::format("{} cannot be opened.", path));
  Mapping mapping;
  mapping.size = static_cast<std::size_t>(about.st_size);
  if (mapping.size == 0)
    return fail(ErrorCode::invalid_argument, fmt::format("{} is empty.", path));
  mapping.bytes = ::mmap(nullptr, mapping.size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping.bytes == MAP_FAILED)
    return fail(ErrorCode::unavailable, fmt::format("{} cannot be mapped.", path));
  return read_onnx_graph({static_cast<const char*>(mapping.bytes), mapping.size});
}

}  // namespace slipway::modelserver
