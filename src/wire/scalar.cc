#include "wire/scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/encoding.h"

namespace slipway::wire {
namespace {

constexpr double time_seconds_max = 253402300800.0;  // the end of the year 9999

template <typename T>
bool parse_whole(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && at == end;
}

Result<Node> parse_integer(const Shape& shape, std::string_view text) {
  std::int64_t value = 0;
  const bool fits =
      parse_whole(text, value) && (shape.kind == ShapeKind::long_integer ||
                                   (value >= std::numeric_limits<std::int32_t>::min() &&
                                    value <= std::numeric_limits<std::int32_t>::max()));
  if (!fits) return unreadable("'" + std::string(text) + "' is not a valid integer");
  return make_integer(value);
}

Result<Node> parse_real(std::string_view text) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  double value = 0;
  if (text == "NaN") return make_real(std::numeric_limits<double>::quiet_NaN());
  if (text == "Infinity") return make_real(infinite);
  if (text == "-Infinity") return make_real(-infinite);
  const bool plain = text.find_first_of("nNiI") == std::string_view::npos;
  if (!plain || !parse_whole(text, value)) {
    return unreadable("'" + std::string(text) + "' is not a valid number");
  }
  return make_real(value);
}

Result<Node> parse_boolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return make_boolean(true);
  if (text == "false" || text == "False" || text == "FALSE") return make_boolean(false);
  return unreadable("'" + std::string(text) + "' is not a valid boolean");
}

Result<Node> parse_blob(std::string_view text, Arena& arena) {
  const auto bytes = from_base64(text);
  if (!bytes) return unreadable("Invalid base64 text");
  return make_blob(arena.copy(*bytes));
}

}  // namespace

std::unexpected<Error> unreadable(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

TimestampFormat time_format(const Member& member, TimestampFormat otherwise) {
  if (member.timestamp_format != TimestampFormat::unspecified) return member.timestamp_format;
  if (member.shape->timestamp_format != TimestampFormat::unspecified) {
    return member.shape->timestamp_format;
  }
  return otherwise;
}

Result<slipway::Timestamp> parse_time(std::string_view text) {
  double seconds = 0;
  if (parse_whole(text, seconds)) {
    if (!(std::abs(seconds) < time_seconds_max)) return unreadable("Timestamp out of range");
    return from_epoch_seconds(seconds);
  }
  if (auto time = parse_iso8601(text)) return *time;
  if (auto time = parse_http_date(text)) return *time;
  return unreadable("'" + std::string(text) + "' is not a valid timestamp");
}

Result<Node> parse_scalar(const Shape& shape, std::string_view text, TimestampFormat,
                          Arena& arena) {
  switch (shape.kind) {
    case ShapeKind::integer:
    case ShapeKind::long_integer: return parse_integer(shape, text);
    case ShapeKind::float_number:
    case ShapeKind::double_number: return parse_real(text);
    case ShapeKind::boolean: return parse_boolean(text);
    case ShapeKind::blob: return parse_blob(text, arena);
    case ShapeKind::timestamp: {
      TRY(const slipway::Timestamp time, parse_time(text));
      return make_time(time);
    }
    default: return make_text(text);
  }
}

void format_real(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
}

void format_time(slipway::Timestamp time, TimestampFormat format, std::string& out) {
  const std::int64_t us = time.time_since_epoch().count();
  if (format == TimestampFormat::http_date) {
    out += to_http_date(time);
  } else if (format == TimestampFormat::iso8601) {
    out += to_iso8601(time, us % 1'000'000 == 0 ? Fraction::none : Fraction::milliseconds);
  } else {
    char digits[32];
    const std::uint64_t size = us < 0 ? 0 - static_cast<std::uint64_t>(us) : us;
    if (us < 0) out += '-';
    out.append(digits, std::to_chars(digits, digits + sizeof digits, size / 1'000'000).ptr);
    std::uint64_t rest = size % 1'000'000;
    if (rest == 0) return;
    out += '.';
    for (std::uint64_t unit = 100'000; rest != 0; rest %= unit, unit /= 10) {
      out += static_cast<char>('0' + rest / unit);
    }
  }
}

void format_scalar(const Node& node, TimestampFormat format, std::string& out) {
  char digits[24];
  switch (node.kind) {
    case Kind::boolean: out += node.boolean ? "true" : "false"; break;
    case Kind::integer:
      out.append(digits, std::to_chars(digits, digits + sizeof digits, node.integer).ptr);
      break;
    case Kind::real: format_real(node.real, out); break;
    case Kind::text: out += node.text(); break;
    case Kind::blob: out += to_base64(node.text()); break;
    case Kind::timestamp: format_time(node.time(), format, out); break;
    default: break;
  }
}

}  // namespace slipway::wire
