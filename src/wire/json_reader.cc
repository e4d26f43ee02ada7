#include "wire/json_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr int json_depth_max = 128;
constexpr std::size_t document_bytes_max = 64 * 1024 * 1024;  // of arena, for one request
constexpr std::size_t number_bytes_max = 1024;

constexpr std::uint64_t ones = 0x0101010101010101;
constexpr std::uint64_t highs = 0x8080808080808080;

// The high bit of every byte of `word` that is zero (and perhaps of bytes above such a one).
constexpr std::uint64_t zero_bytes(std::uint64_t word) { return (word - ones) & ~word & highs; }

// The high bit of every byte that ends a run of plain string bytes: quote, backslash, control
// characters; exact for the lowest such byte.
constexpr std::uint64_t special_bytes(std::uint64_t word) {
  return zero_bytes(word ^ (ones * '"')) | zero_bytes(word ^ (ones * '\\')) |
         ((word - ones * 0x20) & ~word & highs);
}

void put_utf8(char32_t code, char*& out) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xC0 | (code >> 6));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xE0 | (code >> 12));
    *out++ = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | (code >> 18));
    *out++ = static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    *out++ = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::string_view java_name(ShapeKind kind) {
  switch (kind) {
    case ShapeKind::text: return "String";
    case ShapeKind::boolean: return "Boolean";
    case ShapeKind::integer: return "Integer";
    case ShapeKind::long_integer: return "Long";
    case ShapeKind::float_number: return "Float";
    case ShapeKind::double_number: return "Double";
    case ShapeKind::timestamp: return "Timestamp";
    case ShapeKind::blob: return "Blob";
    case ShapeKind::list: return "List";
    case ShapeKind::map: return "Map";
    default: return "Structure";
  }
}

// One pass over one text. Every reading method leaves the cursor after what it read and returns
// true, or sets the error and returns false.
class Reader {
 public:
  Reader(std::string_view text, Names names, Arena& arena)
      : at_(text.data()), end_(text.data() + text.size()), names_(names), arena_(arena) {}

  template <typename F>
  Result<Node> whole(F read) {
    Node node{};
    space();
    if (read(node)) {
      space();
      if (at_ != end_) fail("Unexpected text after the end of the JSON document");
    }
    if (!error_.empty()) return unreadable(std::move(error_));
    return node;
  }

  bool value(const Shape& shape, Node& out) {
    if (at_ == end_) return ended();
    switch (*at_) {
      case '{': return object(shape, out);
      case '[': return array(shape, out);
      case '"': return text(shape, out);
      case 't':
      case 'f': return boolean(shape, out);
      case 'n': return null(out);
      default: return number(shape, out);
    }
  }

  bool document(Node& out) {
    static constexpr Shape any{.name = "Document", .kind = ShapeKind::document};
    return value(any, out);
  }

 private:
  bool fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }
  bool ended() { return fail("Unexpected end of the JSON document"); }
  bool mismatch(std::string_view found, const Shape& shape) {
    return fail("class " + std::string(found) + " can not be converted to an " +
                std::string(java_name(shape.kind)));
  }

  void space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool expect(char wanted) {
    space();
    if (at_ == end_) return ended();
    if (*at_ != wanted) {
      return fail(std::string("Unexpected character where '") + wanted + "' was expected");
    }
    ++at_;
    return true;
  }

  // Counts one level of nesting for as long as it lives.
  struct Level {
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    int& depth_;
  };

  bool within_limits() {
    if (depth_ > json_depth_max) return fail("The JSON document is nested too deeply");
    if (arena_.bytes() > document_bytes_max) return fail("The JSON document is too large");
    return true;
  }

  // Calls `item` at each item of what `open` began, up to `close`.
  template <typename F>
  bool items(char close, F item) {
    const Level level(depth_);
    if (!within_limits()) return false;
    ++at_;
    space();
    if (at_ != end_ && *at_ == close) {
      ++at_;
      return true;
    }
    while (true) {
      space();
      if (!item()) return false;
      space();
      if (at_ == end_) return ended();
      const char next = *at_++;
      if (next == close) return true;
      if (next != ',') return fail("Unexpected character where ',' was expected");
    }
  }

  bool key(std::string_view& name) {
    if (at_ == end_) return ended();
    if (*at_ != '"') return fail("Unexpected character where a member name was expected");
    if (!string(name) || !expect(':')) return false;
    space();
    return true;
  }

  bool object(const Shape& shape, Node& out) {
    if (shape.kind == ShapeKind::structure) return structure(shape, out);
    if (shape.kind == ShapeKind::map) return map(*shape.members[1].shape, out);
    if (shape.kind == ShapeKind::document) return map(shape, out);
    return fail("Start of structure or map found where not expected.");
  }

  bool structure(const Shape& shape, Node& out) {
    out = make_structure(shape.members.size(), arena_);
    int hint = 0;
    return items('}', [&] {
      std::string_view name;
      if (!key(name)) return false;
      const int slot = find(shape, name, hint);
      Node skipped{};
      if (slot < 0) return document(skipped);
      hint = slot + 1;
      Node& node = out.items[slot];
      if (!value(*shape.members[slot].shape, node)) return false;
      if (node.kind == Kind::null && shape.members[slot].shape->kind != ShapeKind::document) {
        node = Node{};
      }
      return true;
    });
  }

  int find(const Shape& shape, std::string_view name, int hint) const {
    if (names_ == Names::model) return find_member(shape, name, hint);
    const int slot = find_wire_member(shape, name, hint);
    return slot >= 0 && shape.members[slot].location == Location::body ? slot : -1;
  }

  bool map(const Shape& value_shape, Node& out) {
    out = Node{};
    out.kind = Kind::map;
    const bool read = items('}', [&] {
      std::string_view name;
      if (!key(name)) return false;
      Node node{};
      if (!value(value_shape, node)) return false;
      append(out, name, arena_) = node;
      return within_limits();
    });
    if (read) drop_duplicate_keys(out);
    return read;
  }

  bool array(const Shape& shape, Node& out) {
    if (shape.kind != ShapeKind::list && shape.kind != ShapeKind::document) {
      return fail("Start of list found where not expected");
    }
    const Shape& item = shape.kind == ShapeKind::list ? *shape.members[0].shape : shape;
    out = Node{};
    out.kind = Kind::list;
    return items(']', [&] {
      Node node{};
      if (!value(item, node)) return false;
      append(out, arena_) = node;
      return within_limits();
    });
  }

  bool text(const Shape& shape, Node& out) {
    std::string_view raw;
    if (!string(raw)) return false;
    switch (shape.kind) {
      case ShapeKind::text:
      case ShapeKind::document: out = make_text(raw); return true;
      case ShapeKind::blob:
      case ShapeKind::timestamp: return parsed(shape, raw, out);
      case ShapeKind::float_number:
      case ShapeKind::double_number:
        if (raw == "NaN" || raw == "Infinity" || raw == "-Infinity") return parsed(shape, raw, out);
        return mismatch("java.lang.String", shape);
      case ShapeKind::list: return fail("Expected list or null");
      case ShapeKind::map:
      case ShapeKind::structure: return fail("Expected structure, map or null");
      default: return mismatch("java.lang.String", shape);
    }
  }

  bool parsed(const Shape& shape, std::string_view raw, Node& out) {
    auto node = parse_scalar(shape, raw, TimestampFormat::unspecified, arena_);
    if (!node) return fail(std::move(node).error().message);
    out = *node;
    return true;
  }

  bool word(std::string_view wanted) {
    if (!std::string_view(at_, end_).starts_with(wanted))
      return fail("Unexpected token in the JSON document");
    at_ += wanted.size();
    return true;
  }

  bool boolean(const Shape& shape, Node& out) {
    const bool is_true = *at_ == 't';
    if (!word(is_true ? "true" : "false")) return false;
    if (shape.kind != ShapeKind::boolean && shape.kind != ShapeKind::document) {
      return mismatch("java.lang.Boolean", shape);
    }
    out = make_boolean(is_true);
    return true;
  }

  bool null(Node& out) {
    out.kind = Kind::null;
    return word("null");
  }

  bool number(const Shape& shape, Node& out) {
    std::string_view digits;
    bool whole = true;
    if (!number_text(digits, whole)) return false;
    switch (shape.kind) {
      case ShapeKind::integer:
      case ShapeKind::long_integer: return integer(shape, digits, whole, out);
      case ShapeKind::float_number:
      case ShapeKind::double_number: return real(digits, out);
      case ShapeKind::timestamp: return parsed(shape, digits, out);
      case ShapeKind::document: return any_number(digits, whole, out);
      default: return mismatch("com.amazon.coral.value.json.numbers.TruncatingBigNumber", shape);
    }
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_digits() {
    while (at_ != end_ && is_digit(*at_)) ++at_;
  }

  // RFC 8259 section 6, and no more.
  bool number_text(std::string_view& digits, bool& whole) {
    const char* start = at_;
    if (*at_ == '-') ++at_;
    if (at_ == end_ || !is_digit(*at_)) return fail("Unexpected token in the JSON document");
    const bool zero = *at_ == '0';
    ++at_;
    if (!zero) skip_digits();
    if (at_ != end_ && *at_ == '.') {
      whole = false;
      if (++at_ == end_ || !is_digit(*at_)) return fail("Malformed number in the JSON document");
      skip_digits();
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      whole = false;
      if (++at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (at_ == end_ || !is_digit(*at_)) return fail("Malformed number in the JSON document");
      skip_digits();
    }
    digits = {start, at_};
    return digits.size() <= number_bytes_max || fail("A number in the JSON document is too long");
  }

  bool integer(const Shape& shape, std::string_view digits, bool whole, Node& out) {
    if (whole) return parsed(shape, digits, out);
    Node number{};
    if (!real(digits, number)) return false;
    // 1.0 and 1e3 are whole numbers too.
    if (number.real != std::trunc(number.real) || std::abs(number.real) > 9007199254740992.0) {
      return fail("'" + std::string(digits) + "' is not a valid integer");
    }
    return parsed(shape, arena_.copy(std::to_string(static_cast<std::int64_t>(number.real))), out);
  }

  bool real(std::string_view digits, Node& out) {
    double value = 0;
    const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range) {
      // Too small is zero; too large has no value.
      if (digits.find("e-") == std::string_view::npos &&
          digits.find("E-") == std::string_view::npos)
        return fail("'" + std::string(digits) + "' is not a valid number");
      value = 0;
    }
    out = make_real(value);
    return true;
  }

  bool any_number(std::string_view digits, bool whole, Node& out) {
    std::int64_t value = 0;
    if (whole &&
        std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{}) {
      out = make_integer(value);
      return true;
    }
    return real(digits, out);
  }

  // Moves past plain bytes to a quote, backslash or control character, or the end.
  const char* plain_run(const char* from, bool& ascii) const {
    while (end_ - from >= 8) {
      std::uint64_t word;
      std::memcpy(&word, from, 8);
      const std::uint64_t special = special_bytes(word);
      if (special == 0) {
        ascii = ascii && (word & highs) == 0;
        from += 8;
        continue;
      }
      const int run = std::countr_zero(special) / 8;
      const std::uint64_t before = run == 0 ? 0 : word << (64 - 8 * run);
      ascii = ascii && (before & highs) == 0;
      return from + run;
    }
    while (from != end_ && *from != '"' && *from != '\\' &&
           static_cast<unsigned char>(*from) >= 0x20) {
      ascii = ascii && static_cast<unsigned char>(*from) < 0x80;
      ++from;
    }
    return from;
  }

  // A string at its opening quote.
  bool string(std::string_view& out) {
    const char* start = ++at_;
    bool ascii = true;
    const char* stop = plain_run(start, ascii);
    if (stop == end_) return ended();
    if (*stop == '"') {
      at_ = stop + 1;
      out = {start, stop};
    } else if (!escaped(start, stop, ascii, out)) {
      return false;
    }
    return ascii || is_utf8(out) || fail("A string in the JSON document is not UTF-8");
  }

  // The rest of a string that has an escape at `stop`, decoded into the arena.
  bool escaped(const char* start, const char* stop, bool& ascii, std::string_view& out) {
    const char* close = stop;
    while (true) {
      if (close == end_) return ended();
      if (*close == '"') break;
      if (static_cast<unsigned char>(*close) < 0x20)
        return fail("A control character in a JSON string");
      close += *close == '\\' ? 2 : 1;
      if (close > end_) return ended();
      close = plain_run(close, ascii);
    }
    char* const buffer =
        static_cast<char*>(arena_.allocate(static_cast<std::size_t>(close - start)));
    char* to = std::copy(start, stop, buffer);
    at_ = stop;
    while (at_ != close) {
      if (*at_ == '\\') {
        if (!escape(close, to)) return false;
      } else {
        *to++ = *at_++;
      }
    }
    ++at_;
    out = {buffer, to};
    return true;
  }

  bool escape(const char* close, char*& to) {
    const char kind = at_[1];
    at_ += 2;
    switch (kind) {
      case '"': *to++ = '"'; return true;
      case '\\': *to++ = '\\'; return true;
      case '/': *to++ = '/'; return true;
      case 'b': *to++ = '\b'; return true;
      case 'f': *to++ = '\f'; return true;
      case 'n': *to++ = '\n'; return true;
      case 'r': *to++ = '\r'; return true;
      case 't': *to++ = '\t'; return true;
      case 'u': return unicode(close, to);
      default: return fail("An unknown escape in a JSON string");
    }
  }

  bool unicode(const char* close, char*& to) {
    char32_t code = 0;
    if (!hex4(close, code)) return false;
    if (code >= 0xDC00 && code < 0xE000) return fail("A lone surrogate in a JSON string");
    if (code >= 0xD800 && code < 0xDC00) {
      char32_t low = 0;
      if (close - at_ < 6 || at_[0] != '\\' || at_[1] != 'u')
        return fail("A lone surrogate in a JSON string");
      at_ += 2;
      if (!hex4(close, low)) return false;
      if (low < 0xDC00 || low >= 0xE000) return fail("A lone surrogate in a JSON string");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(code, to);
    return true;
  }

  bool hex4(const char* close, char32_t& code) {
    std::uint32_t value = 0;
    if (close - at_ < 4 || std::from_chars(at_, at_ + 4, value, 16).ptr != at_ + 4) {
      return fail("A malformed \\u escape in a JSON string");
    }
    code = value;
    at_ += 4;
    return true;
  }

  const char* at_;
  const char* end_;
  Names names_;
  Arena& arena_;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

void drop_duplicate_keys(Node& map) {
  if (map.n < 2) return;
  const std::span<MapEntry> entries = map.map();
  std::vector<std::uint32_t> order(map.n);
  for (std::uint32_t i = 0; i < map.n; ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return std::pair(entries[i].key, i); });
  bool any = false;
  for (std::uint32_t i = 0; i + 1 < map.n; ++i) {
    if (entries[order[i]].key != entries[order[i + 1]].key) continue;
    entries[order[i]].value.kind = Kind::absent;
    any = true;
  }
  if (!any) return;
  const auto gone =
      std::ranges::remove_if(entries, [](const MapEntry& e) { return !e.value.present(); });
  map.n = static_cast<std::uint32_t>(gone.begin() - entries.begin());
  map.growable = 0;
}

Result<Node> read_json(std::string_view text, const Shape& shape, Names names, Arena& arena) {
  Reader reader(text, names, arena);
  return reader.whole([&](Node& node) { return reader.value(shape, node); });
}

Result<Node> read_json_document(std::string_view text, Arena& arena) {
  Reader reader(text, Names::wire, arena);
  return reader.whole([&](Node& node) { return reader.document(node); });
}

}  // namespace slipway::wire
