// application/x-recordio-protobuf to a tensor.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <protozero/pbf_reader.hpp>
#include <span>
#include <vector>

#include "modelserver/formats/decode.h"
#include "modelserver/formats/recordio.h"
#include "modelserver/formats/row_table.h"

namespace slipway::modelserver {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::tag_and_type;

constexpr std::size_t header_bytes = 8;
constexpr std::size_t quoted_name_bytes_max = 40;
constexpr std::string_view feature_name = "values";

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

// Holds what one record says of its features. Buffers are used again from record to record.
struct Features {
  bool are_there = false;
  std::vector<float> values;
  std::vector<std::uint64_t> keys;   // the column of each value; none: all columns, in their order
  std::vector<std::uint64_t> shape;  // none: it does not say

  void clear() {
    are_there = false;
    values.clear();
    keys.clear();
    shape.clear();
  }
};

// Says what is wrong with a record; who calls says which one it is.
auto broken(std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); }

// Takes the message of the first frame. Messages of several frames, as dmlc writes what holds the
// magic number, have a length with bits on top that no body has room for.
Result<std::string_view> take_frame(std::string_view& rest) {
  if (rest.size() < header_bytes) return broken("its frame is cut off");
  if (u32_at(rest, 0) != recordio::magic) return broken("it does not begin as a RecordIO frame");
  const std::size_t length = u32_at(rest, 4);
  const std::size_t padded = (length + 3) / 4 * 4;
  if (padded > rest.size() - header_bytes)
    return broken(fmt::format("it has {} bytes by its frame, and {} are left", length,
                              rest.size() - header_bytes));
  const auto message = rest.substr(header_bytes, length);
  rest.remove_prefix(header_bytes + padded);
  return message;
}

constexpr std::uint32_t of_bytes(std::uint32_t field) {
  return tag_and_type(field, pbf_wire_type::length_delimited);
}

// Numbers of one field, packed or one by one. Another wire type is another field, as protobuf has
// it.
template <typename List, typename Packed, typename One>
void read_numbers(pbf_reader& reader, pbf_wire_type single, List& list, Packed packed, One one) {
  using Number = typename List::value_type;
  if (reader.wire_type() == pbf_wire_type::length_delimited) {
    for (const auto value : (reader.*packed)()) list.push_back(static_cast<Number>(value));
  } else if (reader.wire_type() == single) {
    list.push_back(static_cast<Number>((reader.*one)()));
  } else {
    reader.skip();
  }
}

void read_indices(pbf_reader& reader, std::vector<std::uint64_t>& list) {
  read_numbers(reader, pbf_wire_type::varint, list, &pbf_reader::get_packed_uint64,
               &pbf_reader::get_uint64);
}

void read_values(pbf_reader& reader, std::uint32_t kind, std::vector<float>& values) {
  if (kind == recordio::field_float32)
    read_numbers(reader, pbf_wire_type::fixed32, values, &pbf_reader::get_packed_float,
                 &pbf_reader::get_float);
  else if (kind == recordio::field_float64)
    read_numbers(reader, pbf_wire_type::fixed64, values, &pbf_reader::get_packed_double,
                 &pbf_reader::get_double);
  else
    read_numbers(reader, pbf_wire_type::varint, values, &pbf_reader::get_packed_int32,
                 &pbf_reader::get_int32);
}

void read_tensor(pbf_reader tensor, std::uint32_t kind, Features& features) {
  features.clear();
  features.are_there = true;
  while (tensor.next()) {
    switch (tensor.tag()) {
      case recordio::field_values: read_values(tensor, kind, features.values); break;
      case recordio::field_keys: read_indices(tensor, features.keys); break;
      case recordio::field_shape: read_indices(tensor, features.shape); break;
      default: tensor.skip();
    }
  }
}

Result<> read_value(pbf_reader value, Features& features) {
  while (value.next()) {
    switch (value.tag_and_type()) {
      case of_bytes(recordio::field_float32):
      case of_bytes(recordio::field_float64):
      case of_bytes(recordio::field_int32): {
        const auto kind = value.tag();
        read_tensor(value.get_message(), kind, features);
        break;
      }
      case of_bytes(recordio::field_bytes): return broken("its features are bytes, and no numbers");
      default: value.skip();
    }
  }
  return {};
}

// An entry of the map of features. AWS's image reads the one that is named "values" and passes over
// others without a word.
Result<> read_entry(pbf_reader entry, Features& features) {
  std::string_view name;
  pbf_reader value;
  while (entry.next()) {
    if (entry.tag_and_type() == of_bytes(recordio::field_key)) {
      const auto view = entry.get_view();
      name = {view.data(), view.size()};
    } else if (entry.tag_and_type() == of_bytes(recordio::field_value)) {
      value = entry.get_message();
    } else {
      entry.skip();
    }
  }
  if (name == feature_name) return read_value(value, features);
  return broken(fmt::format("it has features '{}', and '{}' are read",
                            name.substr(0, quoted_name_bytes_max), feature_name));
}

Result<> read_record(std::string_view message, Features& features) {
  features.clear();
  try {
    pbf_reader record(message.data(), message.size());
    while (record.next()) {
      if (record.tag_and_type() != of_bytes(recordio::field_features)) {
        record.skip();
        continue;
      }
      TRY_DO(read_entry(record.get_message(), features));
    }
  } catch (const protozero::exception&) {
    return broken("it is no record of SageMaker's");
  }
  if (!features.are_there) return broken(fmt::format("it has no features '{}'", feature_name));
  return {};
}

// The columns that a shape comes to; more than any model has where it comes to too many.
std::size_t columns_of(std::span<const std::uint64_t> shape) {
  std::uint64_t columns = 1;
  for (const std::uint64_t size : shape)
    columns = size == 0 || columns <= request_elements_max / size ? columns * size
                                                                  : request_elements_max + 1;
  return columns;
}

Result<> place(const Features& features, float* row, std::size_t width) {
  const bool is_empty = features.values.empty() && !features.shape.empty();
  if (features.keys.empty() && !is_empty) {
    if (features.values.size() != width)
      return broken(fmt::format("it has {} values, and {} are due", features.values.size(), width));
    std::ranges::copy(features.values, row);
    return {};
  }
  if (features.keys.size() != features.values.size())
    return broken(
        fmt::format("it has {} keys for {} values", features.keys.size(), features.values.size()));
  const std::size_t columns = features.shape.empty() ? width : columns_of(features.shape);
  if (columns > width) return broken(fmt::format("its shape has more than {} columns", width));
  for (std::size_t i = 0; i < features.keys.size(); ++i) {
    const std::uint64_t key = features.keys[i];
    if (key >= columns)
      return broken(fmt::format("its key {} is beyond the {} columns", key, columns));
    if (!std::isnan(row[key])) return broken(fmt::format("its key {} comes twice", key));
    row[key] = features.values[i];
  }
  return {};
}

}  // namespace

Result<> decode_recordio(const ModelSignature& signature, std::string_view body,
                         DecodedRequest& out) {
  TRY(RowTable table, RowTable::of(signature, "application/x-recordio-protobuf", out));
  Features features;
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t begin = body.size() - rest.size();
    const auto read_one = [&]() -> Result<> {
      TRY(const std::string_view message, take_frame(rest));
      TRY_DO(read_record(message, features));
      TRY(float* const row, table.add());
      return place(features, row, table.width());
    };
    const std::size_t number = table.records() + 1;
    auto read = read_one();
    if (read) continue;
    if (read.error().code != ErrorCode::invalid_argument) return read;
    return std::unexpected(misfit(
        signature, fmt::format("record {} (byte {}): {}", number, begin, read.error().message)));
  }
  return table.finish();
}

}  // namespace slipway::modelserver
