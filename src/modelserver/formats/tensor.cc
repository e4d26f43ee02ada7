#include "modelserver/formats/tensor.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "modelserver/formats/numbers.h"

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

// The digits of a decimal that is a whole number: "3.0", "3e2" and "-1.50e1" are "3", "300" and
// "-15". nullopt: it is none, or has more digits than any type. Never by way of a double, which
// does not hold them all.
std::optional<std::string> whole_digits(std::string_view text) {
  constexpr std::int64_t digits_max = 20;
  std::string out;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') out = "-";
    text.remove_prefix(1);
  }
  const auto mark = text.find_first_of("eE");
  std::int64_t exponent = 0;
  if (mark != text.npos) {
    auto power = text.substr(mark + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc() || end != power.data() + power.size()) return std::nullopt;
    text = text.substr(0, mark);
  }
  const auto point = text.find('.');
  std::string digits(text.substr(0, point));
  if (point != text.npos) {
    const auto fraction = text.substr(point + 1);
    digits += fraction;
    exponent -= static_cast<std::int64_t>(fraction.size());
  }
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (digits == "0") return "0";
  for (; exponent < 0 && digits.ends_with('0'); ++exponent) digits.pop_back();
  if (exponent < 0 || exponent > digits_max) return std::nullopt;
  return out.append(digits).append(static_cast<std::size_t>(exponent), '0');
}

template <typename T>
bool push_whole_text(Tensor& tensor, std::string_view text) {
  const auto push = [&tensor](std::string_view digits) {
    T value{};
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, value);
    if (error != std::errc() || end != last) return false;
    push_raw(tensor, value);
    return true;
  };
  if (push(text)) return true;
  const auto digits = whole_digits(text);
  return digits && push(*digits);
}

template <typename Integer>
bool push_exactly(Tensor& tensor, Integer value) {
  const auto push_as = [&]<typename T>(T) {
    if (!std::in_range<T>(value)) return false;
    push_raw(tensor, static_cast<T>(value));
    return true;
  };
  switch (tensor.type) {
    case ElementType::float32: push_raw(tensor, static_cast<float>(value)); return true;
    case ElementType::float64: push_raw(tensor, static_cast<double>(value)); return true;
    case ElementType::float16: push_raw(tensor, to_half(static_cast<double>(value))); return true;
    case ElementType::int8: return push_as(std::int8_t{});
    case ElementType::int16: return push_as(std::int16_t{});
    case ElementType::int32: return push_as(std::int32_t{});
    case ElementType::int64: return push_as(std::int64_t{});
    case ElementType::uint8: return push_as(std::uint8_t{});
    case ElementType::uint16: return push_as(std::uint16_t{});
    case ElementType::uint32: return push_as(std::uint32_t{});
    case ElementType::uint64: return push_as(std::uint64_t{});
    case ElementType::boolean: return value <= 1 && value >= 0 && push_as(std::uint8_t{});
    case ElementType::string: return false;
  }
  return false;
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

std::string describe(ElementType type, const TensorShape& shape) {
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

std::int64_t element_count(const TensorShape& shape) {
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
    case ElementType::float16: push_raw(*this, to_half(value)); return true;
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

bool Tensor::push_integer(std::int64_t value) { return push_exactly(*this, value); }
bool Tensor::push_integer(std::uint64_t value) { return push_exactly(*this, value); }

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

std::uint16_t to_half(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00);
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520.0) return static_cast<std::uint16_t>(sign | 0x7C00);
  if (magnitude < 0x1p-14)  // subnormal: the nearest multiple of 2^-24
    return static_cast<std::uint16_t>(
        sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24)));
  const int exponent = std::ilogb(magnitude);
  // From 1024 to 2048; the latter carries into the exponent, as it should.
  const auto mantissa = static_cast<unsigned>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return static_cast<std::uint16_t>(
      sign | ((static_cast<unsigned>(exponent + 15) << 10) + (mantissa - 1024)));
}

}  // namespace slipway::modelserver
