#include "wire/cbor_codec.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/encoding.h"
#include "wire/json_reader.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr int cbor_depth_max = 128;
constexpr std::size_t cbor_bytes_max = 64 * 1024 * 1024;  // of arena, for one request
constexpr double cbor_seconds_max = 253402300800.0;

enum Major : std::uint8_t {
  positive,
  negative,
  bytes_string,
  text_string,
  array,
  map,
  tag,
  simple
};

constexpr std::uint8_t indefinite = 31;
constexpr std::uint8_t break_byte = 0xFF;

double half_to_double(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1F;
  const int mantissa = half & 0x3FF;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value = mantissa == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  }
  return (half & 0x8000) != 0 ? -value : value;
}

// The first byte of an item and the number that follows it.
struct Head {
  Major major;
  std::uint8_t info;
  std::uint64_t number;

  bool endless() const { return info == indefinite; }
  bool is_null() const { return major == simple && (info == 22 || info == 23); }
};

class Reader {
 public:
  Reader(std::string_view bytes, Arena& arena) : rest_(bytes), arena_(arena) {}

  Result<Node> whole(const Shape& shape) {
    Node node{};
    if (value(shape, node) && !rest_.empty())
      fail("Unexpected bytes after the end of the CBOR document");
    if (!error_.empty()) return unreadable(std::move(error_));
    return node;
  }

 private:
  bool fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }
  bool mismatch(const Shape& shape) {
    return fail("A value of another type was found where the CBOR document must have a " +
                std::string(shape.name));
  }

  bool head(Head& out) {
    if (rest_.empty()) return fail("Unexpected end of the CBOR document");
    const auto first = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    out = {static_cast<Major>(first >> 5), static_cast<std::uint8_t>(first & 31), 0};
    if (out.info < 24) {
      out.number = out.info;
      return true;
    }
    if (out.info == indefinite) return endless_allowed(out.major);
    if (out.info > 27) return fail("Malformed CBOR: reserved length");
    return big_endian(std::size_t{1} << (out.info - 24), out.number);
  }

  bool endless_allowed(Major major) {
    const bool allowed = major != positive && major != negative && major != tag;
    return allowed || fail("Malformed CBOR: a number without an end");
  }

  bool big_endian(std::size_t size, std::uint64_t& out) {
    if (rest_.size() < size) return fail("Unexpected end of the CBOR document");
    for (std::size_t i = 0; i < size; ++i) out = out << 8 | static_cast<std::uint8_t>(rest_[i]);
    rest_.remove_prefix(size);
    return true;
  }

  bool at_break() {
    if (rest_.empty() || static_cast<std::uint8_t>(rest_[0]) != break_byte) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Calls `item` for each item of a collection.
  template <typename F>
  bool items(const Head& head, F item) {
    if (++depth_ > cbor_depth_max) return fail("The CBOR document is nested too deeply");
    for (std::uint64_t i = 0; head.endless() ? !at_break() : i < head.number; ++i) {
      if (arena_.bytes() > cbor_bytes_max) return fail("The CBOR document is too large");
      if (!item()) return false;
    }
    --depth_;
    return true;
  }

  bool take(std::uint64_t size, std::string_view& out) {
    if (size > rest_.size()) return fail("Unexpected end of the CBOR document");
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  // A text or byte string; pieces of one without a length are joined in the arena.
  bool string(const Head& head, std::string_view& out) {
    if (!head.endless()) {
      if (!take(head.number, out)) return false;
    } else {
      std::string joined;
      while (!at_break()) {
        Head piece{};
        std::string_view part;
        if (!this->head(piece)) return false;
        if (piece.major != head.major || piece.endless())
          return fail("Malformed CBOR: a piece of a string");
        if (!take(piece.number, part)) return false;
        joined += part;
      }
      out = arena_.copy(joined);
    }
    return head.major != text_string || is_utf8(out) ||
           fail("A text of the CBOR document is not UTF-8");
  }

  bool key(std::string_view& out) {
    Head found{};
    if (!head(found)) return false;
    if (found.major != text_string) return fail("A key of the CBOR document is not a text");
    return string(found, out);
  }

  bool value(const Shape& shape, Node& out) {
    Head found{};
    return head(found) && value(found, shape, out);
  }

  bool value(const Head& found, const Shape& shape, Node& out) {
    if (found.is_null()) {
      out.kind = Kind::null;
      return true;
    }
    switch (shape.kind) {
      case ShapeKind::structure:
        return found.major == map ? structure(found, shape, out) : mismatch(shape);
      case ShapeKind::map: return found.major == map ? entries(found, shape, out) : mismatch(shape);
      case ShapeKind::list: return found.major == array ? list(found, shape, out) : mismatch(shape);
      case ShapeKind::text: return text(found, text_string, shape, out);
      case ShapeKind::blob: return text(found, bytes_string, shape, out);
      case ShapeKind::boolean: return boolean(found, shape, out);
      case ShapeKind::integer:
      case ShapeKind::long_integer: return integer(found, shape, out);
      case ShapeKind::timestamp: return timestamp(found, shape, out);
      case ShapeKind::document: return skip(found);
      default: return real(found, shape, out);
    }
  }

  bool structure(const Head& found, const Shape& shape, Node& out) {
    out = make_structure(shape.members.size(), arena_);
    int hint = 0;
    return items(found, [&] {
      std::string_view name;
      if (!key(name)) return false;
      const int slot = find_wire_member(shape, name, hint);
      if (slot < 0) return skip();
      hint = slot + 1;
      Node& node = out.items[slot];
      if (!value(*shape.members[static_cast<std::size_t>(slot)].shape, node)) return false;
      if (node.kind == Kind::null) node = Node{};
      return true;
    });
  }

  bool entries(const Head& found, const Shape& shape, Node& out) {
    out.kind = Kind::map;
    const bool read = items(found, [&] {
      std::string_view name;
      Node node{};
      if (!key(name) || !value(*shape.members[1].shape, node)) return false;
      append(out, name, arena_) = node;
      return true;
    });
    if (read) drop_duplicate_keys(out);
    return read;
  }

  bool list(const Head& found, const Shape& shape, Node& out) {
    out.kind = Kind::list;
    return items(found, [&] {
      Node node{};
      if (!value(*shape.members[0].shape, node)) return false;
      append(out, arena_) = node;
      return true;
    });
  }

  bool text(const Head& found, Major wanted, const Shape& shape, Node& out) {
    std::string_view bytes;
    if (found.major != wanted) return mismatch(shape);
    if (!string(found, bytes)) return false;
    out = wanted == text_string ? make_text(bytes) : make_blob(bytes);
    return true;
  }

  bool boolean(const Head& found, const Shape& shape, Node& out) {
    if (found.major != simple || (found.info != 20 && found.info != 21)) return mismatch(shape);
    out = make_boolean(found.info == 21);
    return true;
  }

  bool integer(const Head& found, const Shape& shape, Node& out) {
    if (found.major != positive && found.major != negative) return mismatch(shape);
    const std::uint64_t limit = shape.kind == ShapeKind::integer
                                    ? std::numeric_limits<std::int32_t>::max()
                                    : std::numeric_limits<std::int64_t>::max();
    if (found.number > limit) return fail("A number of the CBOR document is out of range");
    const auto size = static_cast<std::int64_t>(found.number);
    out = make_integer(found.major == positive ? size : -1 - size);
    return true;
  }

  bool number(const Head& found, double& out) {
    if (found.major == positive || found.major == negative) {
      const auto size = static_cast<double>(found.number);
      out = found.major == positive ? size : -1 - size;
    } else if (found.major == simple && found.info == 25) {
      out = half_to_double(static_cast<std::uint16_t>(found.number));
    } else if (found.major == simple && found.info == 26) {
      out = std::bit_cast<float>(static_cast<std::uint32_t>(found.number));
    } else if (found.major == simple && found.info == 27) {
      out = std::bit_cast<double>(found.number);
    } else {
      return false;
    }
    return true;
  }

  bool real(const Head& found, const Shape& shape, Node& out) {
    double value = 0;
    if (!number(found, value)) return mismatch(shape);
    out = make_real(value);
    return true;
  }

  bool timestamp(const Head& found, const Shape& shape, Node& out) {
    Head inner = found;
    if (found.major == tag && (found.number != 1 || !head(inner))) return mismatch(shape);
    double seconds = 0;
    if (!number(inner, seconds)) return mismatch(shape);
    if (!(std::abs(seconds) < cbor_seconds_max))
      return fail("A timestamp of the CBOR document is out of range");
    out = make_time(from_epoch_seconds(seconds));
    return true;
  }

  bool skip() {
    Head found{};
    return head(found) && skip(found);
  }

  bool skip(const Head& found) {
    std::string_view bytes;
    switch (found.major) {
      case bytes_string:
      case text_string: return string(found, bytes);
      case array: return items(found, [&] { return skip(); });
      case map: return items(found, [&] { return skip() && skip(); });
      case tag: return tagged();
      case simple: return !found.endless() || fail("Malformed CBOR: an end without a beginning");
      default: return true;
    }
  }

  bool tagged() {
    if (++depth_ > cbor_depth_max) return fail("The CBOR document is nested too deeply");
    const bool done = skip();
    --depth_;
    return done;
  }

  std::string_view rest_;
  Arena& arena_;
  int depth_ = 0;
  std::string error_;
};

void write_head(Major major, std::uint64_t number, std::string& out) {
  const auto first = static_cast<std::uint8_t>(major << 5);
  int size = 0;
  if (number < 24) {
    out += static_cast<char>(first | number);
    return;
  }
  while (size < 3 && number >> (8 << size) != 0) ++size;
  out += static_cast<char>(first | (24 + size));
  for (int shift = (8 << size) - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(number >> shift);
}

void write_double(double value, std::string& out) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out += static_cast<char>(0xFB);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
}

void write_time(slipway::Timestamp time, std::string& out) {
  const std::int64_t us = time.time_since_epoch().count();
  out += static_cast<char>(0xC1);
  if (us % 1'000'000 != 0) return write_double(to_epoch_seconds(time), out);
  const std::int64_t seconds = us / 1'000'000;
  write_head(seconds < 0 ? negative : positive,
             static_cast<std::uint64_t>(seconds < 0 ? -1 - seconds : seconds), out);
}

void write_collection(const Node& node, const Shape& shape, std::string& out) {
  if (node.kind == Kind::list) {
    write_head(array, node.n, out);
    for (std::uint32_t i = 0; i < node.n; ++i)
      write_cbor(node.items[i], *shape.members[0].shape, out);
  } else if (node.kind == Kind::map) {
    write_head(map, node.n, out);
    for (const MapEntry& entry : node.map()) {
      write_cbor_text(entry.key, out);
      write_cbor(entry.value, *shape.members[1].shape, out);
    }
  } else {
    std::size_t count = 0;
    for (const Node& slot : node.slots()) count += slot.present() ? 1 : 0;
    write_head(map, count, out);
    for (std::size_t i = 0; i < shape.members.size(); ++i) {
      if (!node.items[i].present()) continue;
      write_cbor_text(shape.members[i].wire_name, out);
      write_cbor(node.items[i], *shape.members[i].shape, out);
    }
  }
}

}  // namespace

Result<Node> read_cbor(std::string_view bytes, const Shape& shape, Arena& arena) {
  return Reader(bytes, arena).whole(shape);
}

void write_cbor_text(std::string_view text, std::string& out) {
  write_head(text_string, text.size(), out);
  out += text;
}

void write_cbor_map_head(std::size_t count, std::string& out) { write_head(map, count, out); }

void write_cbor(const Node& node, const Shape& shape, std::string& out) {
  switch (node.kind) {
    case Kind::absent:
    case Kind::null: out += static_cast<char>(0xF6); break;
    case Kind::boolean: out += static_cast<char>(node.boolean ? 0xF5 : 0xF4); break;
    case Kind::integer:
      write_head(node.integer < 0 ? negative : positive,
                 static_cast<std::uint64_t>(node.integer < 0 ? -1 - node.integer : node.integer),
                 out);
      break;
    case Kind::real: write_double(node.real, out); break;
    case Kind::text: write_cbor_text(node.text(), out); break;
    case Kind::blob:
      write_head(bytes_string, node.n, out);
      out += node.text();
      break;
    case Kind::timestamp: write_time(node.time(), out); break;
    default: write_collection(node, shape, out);
  }
}

}  // namespace slipway::wire
