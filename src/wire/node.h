// The one value type that every codec reads into and writes from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "wire/arena.h"

namespace slipway::wire {

// Says what a Node holds.
enum class Kind : std::uint8_t {
  absent,  // not given
  null,    // an explicit null: only in documents and sparse collections
  boolean,
  integer,  // integer and long shapes
  real,     // float and double shapes
  text,
  blob,  // decoded bytes
  timestamp,
  structure,  // one slot for each member of the shape, in the schema's order
  list,
  map,
};

struct MapEntry;

// A value, 16 bytes, copied freely; what it points to lives in an Arena or in the request's buffer.
// Which accessor may be called depends on `kind` alone. A node of zero bytes is absent.
struct Node {
  Kind kind;
  std::uint8_t growable;  // list, map: made by append(), so that room follows the last item
  std::uint32_t n;        // bytes of text or blob; slots, items or entries otherwise
  union {
    bool boolean;
    std::int64_t integer;
    std::int64_t time_us;  // microseconds since 1970
    double real;
    const char* bytes;
    Node* items;
    MapEntry* entries;
  };

  bool present() const { return kind != Kind::absent; }
  std::string_view text() const { return {bytes, n}; }
  slipway::Timestamp time() const { return slipway::Timestamp(std::chrono::microseconds(time_us)); }
  std::span<Node> slots() const { return {items, n}; }
  inline std::span<MapEntry> map() const;
};

// One entry of a map.
struct MapEntry {
  std::string_view key;
  Node value;
};

inline std::span<MapEntry> Node::map() const { return {entries, n}; }

static_assert(sizeof(Node) == 16 && std::is_trivially_copyable_v<Node>);

Node make_boolean(std::same_as<bool> auto value) {
  Node node{};
  node.kind = Kind::boolean;
  node.boolean = value;
  return node;
}
Node make_integer(std::int64_t value);
Node make_real(double value);
Node make_time(slipway::Timestamp value);
// These point to `text`, which must outlive the node.
Node make_text(std::string_view text);
Node make_blob(std::string_view bytes);
// `slots` absent slots.
Node make_structure(std::size_t slots, Arena& arena);
// `count` absent items.
Node make_list(std::size_t count, Arena& arena);
Node make_map(std::size_t count, Arena& arena);

// Adds an absent item at the end of a list (an absent node becomes an empty list first) and returns
// it; the address holds until the next append to the same list. The entry's key is not copied.
Node& append(Node& list, Arena& arena);
Node& append(Node& map, std::string_view key, Arena& arena);

// A copy in `arena` of everything that `node` points to.
Node deep_copy(const Node& node, Arena& arena);

// Whether two values are the same, members and items compared one by one.
bool equal(const Node& a, const Node& b);

}  // namespace slipway::wire
