#include "modelserver/formats/numbers.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace slipway::modelserver {
namespace {

constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t mantissa_max = std::uint64_t{1} << 53;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// A plain decimal ("-12.345") of at most 15 or so digits, whose mantissa and power of ten a double
// holds exactly: their quotient is then rounded once, hence right.
struct Decimal {
  std::uint64_t mantissa = 0;
  int digits = 0;
  int fraction = 0;
  const char* end = nullptr;
};

Decimal read_plain_decimal(const char* at, const char* last) {
  Decimal decimal;
  for (; at != last && is_digit(*at); ++at, ++decimal.digits)
    decimal.mantissa = decimal.mantissa * 10 + static_cast<std::uint64_t>(*at - '0');
  if (at != last && *at == '.') {
    const char* const point = ++at;
    for (; at != last && is_digit(*at); ++at, ++decimal.digits)
      decimal.mantissa = decimal.mantissa * 10 + static_cast<std::uint64_t>(*at - '0');
    decimal.fraction = static_cast<int>(at - point);
  }
  decimal.end = at;
  return decimal;
}

bool is_exact(const Decimal& decimal, const char* last) {
  if (decimal.digits == 0 || decimal.digits > 18 || decimal.mantissa > mantissa_max) return false;
  if (decimal.fraction > 22) return false;
  // An exponent, or a letter that makes this something else, is the library's business.
  return decimal.end == last || (*decimal.end != 'e' && *decimal.end != 'E');
}

// Rounding a double on to a float is wrong only where the double lies exactly halfway.
bool is_halfway(double value) {
  return (std::bit_cast<std::uint64_t>(value) & 0x1FFFFFFF) == 0x10000000;
}

// Of a number that is not 0: where its first digit stands, by the point and by its exponent, which
// may be too long to be read.
bool is_below_one(std::string_view text) {
  const auto mark = text.find_first_of("eE");
  const auto digits = text.substr(0, mark);
  const auto whole = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const auto first = static_cast<std::int64_t>(digits.find_first_of("123456789"));
  const std::int64_t place = first < whole ? whole - first : whole + 1 - first;
  if (mark == text.npos) return place <= 0;
  const auto exponent = text.substr(mark + 1);
  std::int64_t power = 0;
  const char* const start = exponent.data() + (exponent.starts_with('+') ? 1 : 0);
  if (std::from_chars(start, exponent.data() + exponent.size(), power).ec != std::errc())
    return exponent.starts_with('-');
  return power <= -place;
}

template <typename T>
const char* read_by_library(const char* first, const char* last, T& value) {
  const char* at = first;
  if (at != last && *at == '+') {
    ++at;
    if (at == last || *at == '-') return first;
  }
  const auto [end, error] = std::from_chars(at, last, value);
  if (error == std::errc::invalid_argument) return first;
  if (end[-1] == ')') return first;  // "nan(1)" is C's alone
  if (error == std::errc::result_out_of_range) {
    // from_chars leaves the value alone; the text tells whether it is huge or tiny.
    double wide = 0;
    if constexpr (sizeof(T) < sizeof(double)) {
      if (std::from_chars(at, last, wide).ec == std::errc()) {
        value = static_cast<T>(wide);
        return end;
      }
    }
    const bool tiny = is_below_one({at, static_cast<std::size_t>(end - at)});
    value = tiny ? T{0} : std::numeric_limits<T>::infinity();
    if (*at == '-') value = -value;
  }
  return end;
}

template <typename T>
void append_shortest(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string_view written(text, static_cast<std::size_t>(end - text));
  out += written;
  if (written.find_first_of(".e") == written.npos) out += ".0";
}

}  // namespace

const char* read_double(const char* first, const char* last, double& value) {
  const bool negative = first != last && *first == '-';
  const Decimal decimal = read_plain_decimal(first + (negative ? 1 : 0), last);
  if (!is_exact(decimal, last)) return read_by_library(first, last, value);
  value = static_cast<double>(decimal.mantissa) / powers_of_ten[decimal.fraction];
  if (negative) value = -value;
  return decimal.end;
}

const char* read_float(const char* first, const char* last, float& value) {
  const bool negative = first != last && *first == '-';
  const Decimal decimal = read_plain_decimal(first + (negative ? 1 : 0), last);
  if (!is_exact(decimal, last)) return read_by_library(first, last, value);
  const double wide = static_cast<double>(decimal.mantissa) / powers_of_ten[decimal.fraction];
  if (is_halfway(wide)) return read_by_library(first, last, value);
  value = static_cast<float>(negative ? -wide : wide);
  return decimal.end;
}

void append_float(std::string& out, float value) { append_shortest(out, value); }
void append_double(std::string& out, double value) { append_shortest(out, value); }

}  // namespace slipway::modelserver
