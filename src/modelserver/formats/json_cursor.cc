#include "modelserver/formats/json_cursor.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <span>

#include "base/encoding.h"
#include "modelserver/formats/decode.h"
#include "modelserver/formats/numbers.h"

namespace slipway::modelserver {
namespace {

constexpr std::size_t quoted_bytes_max = 24;
constexpr int skip_depth_max = 256;

bool ends_word(char c) {
  return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t' ||
         c == ':' || c == '[' || c == '{' || c == '"';
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool starts_number(std::string_view word) {
  if (word.empty()) return false;
  return is_digit(word[0]) || (word.size() > 1 && word[0] == '-' && is_digit(word[1]));
}

// Of what reads as a number: whether JSON writes one so, without zeros before it and with digits
// behind its point.
bool is_json_number(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  if (word.size() > 1 && word[0] == '0' && is_digit(word[1])) return false;
  const auto point = word.find('.');
  return point == word.npos || (point + 1 < word.size() && is_digit(word[point + 1]));
}

bool is_special_number(std::string_view word) {
  return word == "NaN" || word == "Infinity" || word == "-Infinity";
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

bool push_word(Tensor& tensor, std::string_view word) {
  const bool truth = word == "true" || word == "false";
  if (starts_number(word))
    return tensor.type != ElementType::string && is_json_number(word) && tensor.push_text(word);
  if (truth) return tensor.push_number(word == "true" ? 1 : 0);
  if (word == "null") {
    return is_floating(tensor.type) && tensor.push_number(std::numeric_limits<double>::quiet_NaN());
  }
  return is_special_number(word) && is_floating(tensor.type) && tensor.push_text(word);
}

}  // namespace

std::unexpected<Error> JsonCursor::fail_here(std::string_view what) const {
  const auto rest = std::string_view(at_, static_cast<std::size_t>(end_ - at_));
  return fail(
      ErrorCode::invalid_argument,
      fmt::format(
          "The JSON is not as it should be at byte {}: {}, and {} came.", at_ - begin_, what,
          rest.empty() ? "its end" : fmt::format("'{}'", rest.substr(0, quoted_bytes_max))));
}

char JsonCursor::peek() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  return at_ == end_ ? '\0' : *at_;
}

bool JsonCursor::take(char c) {
  if (peek() != c || at_ == end_) return false;
  ++at_;
  return true;
}

Result<> JsonCursor::expect(char c, std::string_view where) {
  if (take(c)) return {};
  return fail_here(fmt::format("'{}' is due for {}", c, where));
}

Result<> JsonCursor::expect_end() {
  if (at_end()) return {};
  return fail_here("nothing more is due");
}

Result<std::uint32_t> JsonCursor::read_hex4() {
  if (end_ - at_ < 4) return fail_here("four hexadecimal digits are due");
  std::uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = *at_;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return fail_here("four hexadecimal digits are due");
    code = code * 16 + static_cast<std::uint32_t>(digit);
  }
  return code;
}

Result<> JsonCursor::read_escape(std::string& out) {
  const char c = *at_++;
  constexpr std::string_view from = "\"\\/bfnrt";
  constexpr std::string_view to = "\"\\/\b\f\n\r\t";
  if (const auto found = from.find(c); found != from.npos) {
    out += to[found];
    return {};
  }
  if (c != 'u') return fail_here("an escape is due");
  TRY(std::uint32_t code, read_hex4());
  if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
    at_ += 2;
    TRY(const std::uint32_t low, read_hex4());
    if (low < 0xDC00 || low > 0xDFFF)
      return fail_here("the second half of a surrogate pair is due");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xD800 && code < 0xE000) {
    return fail_here("a surrogate pair is due");
  }
  append_utf8(out, code);
  return {};
}

Result<std::string> JsonCursor::read_string() {
  TRY_DO(expect('"', "a string"));
  std::string out;
  while (at_ != end_ && *at_ != '"') {
    if (static_cast<unsigned char>(*at_) < 0x20) return fail_here("a string has no control bytes");
    if (*at_ != '\\') {
      out += *at_++;
      continue;
    }
    if (++at_ == end_) break;
    TRY_DO(read_escape(out));
  }
  if (at_ == end_) return fail_here("the end of a string is due");
  ++at_;
  return out;
}

Result<std::string_view> JsonCursor::read_word() {
  peek();
  const char* const first = at_;
  const char* last = first;
  while (last != end_ && !ends_word(*last)) ++last;
  const std::string_view word(first, static_cast<std::size_t>(last - first));
  const bool known = !word.empty() && (starts_number(word) || is_special_number(word) ||
                                       word == "true" || word == "false" || word == "null");
  if (!known) return fail_here("a value is due");
  at_ = last;
  return word;
}

Result<> JsonCursor::skip_value(int depth) {
  if (depth > skip_depth_max) return fail_here("so many brackets within brackets are not read");
  switch (peek()) {
    case '"': {
      TRY_DO(read_string());
      return {};
    }
    case '{': return read_object(*this, [&](const std::string&) { return skip_value(depth + 1); });
    case '[': return modelserver::read_array(*this, [&] { return skip_value(depth + 1); });
    default: {
      TRY_DO(read_word());
      return {};
    }
  }
}

Result<> JsonCursor::read_scalar(Tensor& tensor) {
  if (peek() == '"') {
    const auto here = at_;
    TRY(const std::string text, read_string());
    if (tensor.type == ElementType::string) {
      if (tensor.strings.size() >= request_strings_max) {
        return fail(ErrorCode::limit_exceeded,
                    fmt::format("The request has more than {} strings.", request_strings_max));
      }
      tensor.strings.push_back(text);
      return {};
    }
    at_ = here;
    return fail_here(fmt::format("a value of type {} is due", name_of(tensor.type)));
  }
  const auto here = at_;
  TRY(const std::string_view word, read_word());
  if (push_word(tensor, word)) return {};
  at_ = here;
  return fail_here(fmt::format("a value of type {} is due", name_of(tensor.type)));
}

// The common case, and the fast one: plain numbers for a float32 tensor, up to whatever is
// something else, which the general reader then knows or names. Returns how many there were; the
// cursor stands behind the last of them.
std::int64_t JsonCursor::read_plain_floats(Tensor& tensor) {
  if (tensor.type != ElementType::float32) return 0;
  std::array<float, 128> values;
  std::size_t held = 0;
  std::int64_t count = 0;
  const auto keep = [&] {
    const auto bytes = std::as_bytes(std::span(values).first(held));
    tensor.bytes.insert(tensor.bytes.end(), bytes.begin(), bytes.end());
    held = 0;
  };
  for (JsonCursor ahead = *this;;) {
    if (count > 0 && !ahead.take(',')) break;
    ahead.peek();
    if (!starts_number(
            {ahead.at_, static_cast<std::size_t>(std::min<std::ptrdiff_t>(end_ - ahead.at_, 2))}))
      break;
    const char* const after = read_float(ahead.at_, end_, values[held]);
    if (after == ahead.at_ || after == end_ || !ends_word(*after)) break;
    if (!is_json_number({ahead.at_, static_cast<std::size_t>(after - ahead.at_)})) break;
    if (++held == values.size()) keep();
    ++count;
    at_ = ahead.at_ = after;
  }
  keep();
  return count;
}

Result<> JsonCursor::read_array(Tensor& tensor, TensorShape& shape, std::size_t depth) {
  if (depth >= json_depth_max)
    return fail_here(fmt::format("at most {} arrays within each other are read", json_depth_max));
  TRY_DO(expect('[', "an array"));
  std::int64_t count = 0;
  TensorShape own;  // of the elements: all alike
  if (!take(']')) {
    do {
      if (const std::int64_t plain = read_plain_floats(tensor); plain > 0) {
        if (count > 0 && !own.empty())
          return fail_here("the elements of an array are all of one shape");
        count += plain;
        continue;
      }
      TensorShape element;
      if (peek() == '[') {
        TRY_DO(read_array(tensor, element, depth + 1));
      } else {
        TRY_DO(read_scalar(tensor));
      }
      if (count > 0 && element != own)
        return fail_here("the elements of an array are all of one shape");
      if (count == 0) own = std::move(element);
      ++count;
    } while (take(','));
    TRY_DO(expect(']', "the end of an array"));
  }
  shape.assign(1, count);
  shape.insert(shape.end(), own.begin(), own.end());
  return {};
}

Result<> JsonCursor::read_elements(Tensor& tensor, TensorShape& shape) {
  shape.clear();
  if (peek() == '[') return read_array(tensor, shape, 0);
  return read_scalar(tensor);
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const bool well_formed = is_utf8(text);
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else if (byte >= 0x80 && !well_formed) {
      out += "\xEF\xBF\xBD";
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace slipway::modelserver
