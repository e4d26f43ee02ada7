#include "modelserver/tensor.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "modelserver/numbers.h"

namespace slipway::modelserver {
namespace {

struct TypeFacts {
  std::string_view name;
  std::size_t size;
};

constexpr std::array<TypeFacts, 13> type_facts = {{
    {"float32", 4},
    {"float64", 8},
    {"float16", 2},
    {"int8", 1},
    {"int16", 2},
    {"int32", 4},
    {"int64", 8},
    {"uint8", 1},
    {"uint16", 2},
    {"uint32", 4},
    {"uint64", 8},
    {"bool", 1},
    {"string", 0},
}};

template <typename T>
void push_raw(Tensor& tensor, T value) {
  const auto at = tensor.bytes.size();
  tensor.bytes.resize(at + sizeof value);
  std::memcpy(tensor.bytes.data() + at, &value, sizeof value);
}

template <typename T>
bool push_whole(Tensor& tensor, double value) {
  // 2^63 and 2^64 are doubles; their integer maxima are not, hence `<` on the power above.
  constexpr double low = static_cast<double>(std::numeric_limits<T>::min());
  const double high = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (!(value >= low && value < high) || value != std::trunc(value)) return false;
  push_raw(tensor, static_cast<T>(value));
  return true;
}

// Exact for the 64-bit types too; "3.0" and "3e2" are taken by way of a double.
template <typename T>
bool push_whole_text(Tensor& tensor, std::string_view text) {
  T value{};
  const char* const last = text.data() + text.size();
  const char* const first = text.starts_with('+') ? text.data() + 1 : text.data();
  const auto [end, error] = std::from_chars(first, last, value);
  if (error == std::errc() && end == last) {
    push_raw(tensor, value);
    return true;
  }
  double wide = 0;
  const char* const end_wide = read_double(text.data(), last, wide);
  return !text.empty() && end_wide == last && push_whole<T>(tensor, wide);
}

bool push_boolean_text(Tensor& tensor, std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return tensor.push_number(1);
  if (text == "false" || text == "False" || text == "FALSE") return tensor.push_number(0);
  double value = 0;
  const char* const last = text.data() + text.size();
  return !text.empty() && read_double(text.data(), last, value) == last &&
         tensor.push_number(value);
}

bool push_floating_text(Tensor& tensor, std::string_view text) {
  const char* const last = text.data() + text.size();
  if (text.empty()) return false;
  if (tensor.type == ElementType::float32) {
    float value = 0;
    if (read_float(text.data(), last, value) != last) return false;
    push_raw(tensor, value);
    return true;
  }
  double value = 0;
  return read_double(text.data(), last, value) == last && tensor.push_number(value);
}

}  // namespace

std::string_view name_of(ElementType type) {
  return type_facts[static_cast<std::size_t>(type)].name;
}
std::size_t size_of(ElementType type) { return type_facts[static_cast<std::size_t>(type)].size; }
bool is_floating(ElementType type) { return type <= ElementType::float16; }

std::int64_t TensorInfo::record_size() const {
  std::int64_t product = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] == any_size) return any_size;
    product *= shape[i];
  }
  return product;
}

std::string describe(ElementType type, const Shape& shape) {
  std::string sizes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) sizes += ", ";
    if (shape[i] == any_size) {
      sizes += i == 0 ? "N" : "?";
    } else {
      fmt::format_to(std::back_inserter(sizes), "{}", shape[i]);
    }
  }
  return fmt::format("{} [{}]", name_of(type), sizes);
}

std::string describe(const TensorInfo& info) {
  return fmt::format("'{}': {}", info.name, describe(info.type, info.shape));
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t product = 1;
  for (const auto size : shape) product *= size;
  return product;
}

void Tensor::clear(ElementType new_type) {
  type = new_type;
  shape.clear();
  bytes.clear();
  strings.clear();
}

std::size_t Tensor::size() const {
  return type == ElementType::string ? strings.size() : bytes.size() / size_of(type);
}

bool Tensor::push_number(double value) {
  switch (type) {
    case ElementType::float32: push_raw(*this, static_cast<float>(value)); return true;
    case ElementType::float64: push_raw(*this, value); return true;
    case ElementType::float16:
      push_raw(*this, float_to_half(static_cast<float>(value)));
      return true;
    case ElementType::int8: return push_whole<std::int8_t>(*this, value);
    case ElementType::int16: return push_whole<std::int16_t>(*this, value);
    case ElementType::int32: return push_whole<std::int32_t>(*this, value);
    case ElementType::int64: return push_whole<std::int64_t>(*this, value);
    case ElementType::uint8: return push_whole<std::uint8_t>(*this, value);
    case ElementType::uint16: return push_whole<std::uint16_t>(*this, value);
    case ElementType::uint32: return push_whole<std::uint32_t>(*this, value);
    case ElementType::uint64: return push_whole<std::uint64_t>(*this, value);
    case ElementType::boolean:
      if (value != 0 && value != 1) return false;
      push_raw(*this, static_cast<std::uint8_t>(value));
      return true;
    case ElementType::string: return false;
  }
  return false;
}

bool Tensor::push_text(std::string_view text) {
  switch (type) {
    case ElementType::float32:
    case ElementType::float64:
    case ElementType::float16: return push_floating_text(*this, text);
    case ElementType::int8: return push_whole_text<std::int8_t>(*this, text);
    case ElementType::int16: return push_whole_text<std::int16_t>(*this, text);
    case ElementType::int32: return push_whole_text<std::int32_t>(*this, text);
    case ElementType::int64: return push_whole_text<std::int64_t>(*this, text);
    case ElementType::uint8: return push_whole_text<std::uint8_t>(*this, text);
    case ElementType::uint16: return push_whole_text<std::uint16_t>(*this, text);
    case ElementType::uint32: return push_whole_text<std::uint32_t>(*this, text);
    case ElementType::uint64: return push_whole_text<std::uint64_t>(*this, text);
    case ElementType::boolean: return push_boolean_text(*this, text);
    case ElementType::string: strings.emplace_back(text); return true;
  }
  return false;
}

void Tensor::append(const Tensor& other) {
  bytes.insert(bytes.end(), other.bytes.begin(), other.bytes.end());
  strings.insert(strings.end(), other.strings.begin(), other.strings.end());
}

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1F;
  const std::uint32_t mantissa = half & 0x3FF;
  if (exponent == 0) {  // zero and the subnormal ones: mantissa * 2^-24
    const float value = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00);
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0F) return static_cast<std::uint16_t>(sign | 0x7C00);
  if (magnitude < 0x1p-14F) {  // subnormal: the nearest multiple of 2^-24, ties to even
    return static_cast<std::uint16_t>(
        sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24F)));
  }
  const std::uint32_t rebased = (bits & 0x7FFFFFFF) - (112U << 23);
  const std::uint32_t rounded = rebased + 0xFFF + ((rebased >> 13) & 1);
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

}  // namespace slipway::modelserver
