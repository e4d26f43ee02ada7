// Typed arrays: what goes into a model and what comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::modelserver {

// The types of elements that models take and give.
enum class ElementType : std::uint8_t {
  float32,
  float64,
  float16,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  boolean,
  string,
};

// "float32"; what messages and numpy call it.
std::string_view name_of(ElementType type);
// Bytes of one element; 0 for string.
std::size_t size_of(ElementType type);
bool is_floating(ElementType type);

using TensorShape = std::vector<std::int64_t>;

// A size that the model leaves open, in a TensorInfo's shape.
inline constexpr std::int64_t any_size = -1;

// Holds what a model says of one of its inputs or outputs.
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::float32;
  TensorShape shape;      // any_size where it is open; empty: a scalar, or `any_rank`
  bool any_rank = false;  // the model does not even say how many sizes there are

  // Elements of one record: the product of all sizes but the first (1 for ranks 0 and 1); any_size
  // where one of them is open.
  std::int64_t record_size() const;
  bool open_first() const { return !shape.empty() && shape[0] == any_size; }
};

// "float32 [N, 128]": for messages.
std::string describe(ElementType type, const TensorShape& shape);
// "'x': float32 [N, 128]"
std::string describe(const TensorInfo& info);

// Elements of a full shape; 1 for a scalar.
std::int64_t element_count(const TensorShape& shape);

// An array in row-major order that owns its elements. Numbers lie in `bytes`, strings in `strings`.
// clear() keeps the capacity, so that a reused tensor allocates nothing.
struct Tensor {
  ElementType type = ElementType::float32;
  TensorShape shape;
  std::vector<std::byte> bytes;
  std::vector<std::string> strings;

  void clear(ElementType new_type);
  std::size_t size() const;  // elements that are there, whatever `shape` says

  template <typename T>
  T* data() {
    return reinterpret_cast<T*>(bytes.data());
  }
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes.data());
  }

  // Appends one element, rounded once where the type is a floating one. False, and nothing
  // appended, where `type` cannot hold it: a number that an integer type cannot hold exactly, a
  // text that is no number.
  [[nodiscard]] bool push_number(double value);
  // The same of an integer, which a double would not always hold.
  [[nodiscard]] bool push_integer(std::int64_t value);
  [[nodiscard]] bool push_integer(std::uint64_t value);
  // Reads a number (for `boolean` also true and false) out of `text`, or takes it as a string.
  [[nodiscard]] bool push_text(std::string_view text);

  // Appends all elements of `other`, which has the same type.
  void append(const Tensor& other);
};

float half_to_float(std::uint16_t half);
// The nearest half; ties to even; from 65520 on infinity.
std::uint16_t to_half(double value);

}  // namespace slipway::modelserver
