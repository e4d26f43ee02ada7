#include "wire/node.h"

#include <algorithm>
#include <bit>

namespace slipway::wire {
namespace {

Node of_kind(Kind kind) {
  Node node{};
  node.kind = kind;
  return node;
}

Node of_bytes(Kind kind, std::string_view bytes) {
  Node node = of_kind(kind);
  node.n = static_cast<std::uint32_t>(bytes.size());
  node.bytes = bytes.data();
  return node;
}

// The room of a growable collection is the next power of two, so it is full when its size is one.
template <typename Item>
Item* with_room(Node& node, Item* items, Arena& arena) {
  const bool full = node.n == 0 || std::has_single_bit(node.n);
  if (node.growable != 0 && !full) return items;
  const std::size_t room = std::bit_ceil(std::size_t{node.n} + 1);
  Item* moved = arena.make_array<Item>(room);
  std::copy_n(items, node.n, moved);
  node.growable = 1;
  return moved;
}

}  // namespace

Node make_integer(std::int64_t value) {
  Node node = of_kind(Kind::integer);
  node.integer = value;
  return node;
}

Node make_real(double value) {
  Node node = of_kind(Kind::real);
  node.real = value;
  return node;
}

Node make_time(slipway::Timestamp value) {
  Node node = of_kind(Kind::timestamp);
  node.time_us = value.time_since_epoch().count();
  return node;
}

Node make_text(std::string_view text) { return of_bytes(Kind::text, text); }
Node make_blob(std::string_view bytes) { return of_bytes(Kind::blob, bytes); }

Node make_structure(std::size_t slots, Arena& arena) {
  Node node = of_kind(Kind::structure);
  node.n = static_cast<std::uint32_t>(slots);
  node.items = arena.make_array<Node>(slots);
  return node;
}

Node make_list(std::size_t count, Arena& arena) {
  Node node = make_structure(count, arena);
  node.kind = Kind::list;
  return node;
}

Node make_map(std::size_t count, Arena& arena) {
  Node node = of_kind(Kind::map);
  node.n = static_cast<std::uint32_t>(count);
  node.entries = arena.make_array<MapEntry>(count);
  return node;
}

Node& append(Node& list, Arena& arena) {
  if (list.kind != Kind::list) list = of_kind(Kind::list);
  list.items = with_room(list, list.items, arena);
  return list.items[list.n++];
}

Node& append(Node& map, std::string_view key, Arena& arena) {
  if (map.kind != Kind::map) map = of_kind(Kind::map);
  map.entries = with_room(map, map.entries, arena);
  MapEntry& entry = map.entries[map.n++];
  entry.key = key;
  return entry.value;
}

Node deep_copy(const Node& node, Arena& arena) {
  Node copy = node;
  copy.growable = 0;
  switch (node.kind) {
    case Kind::text:
    case Kind::blob: copy.bytes = arena.copy(node.text()).data(); break;
    case Kind::structure:
    case Kind::list:
      copy.items = arena.make_array<Node>(node.n);
      for (std::uint32_t i = 0; i < node.n; ++i) copy.items[i] = deep_copy(node.items[i], arena);
      break;
    case Kind::map:
      copy.entries = arena.make_array<MapEntry>(node.n);
      for (std::uint32_t i = 0; i < node.n; ++i) {
        copy.entries[i] = {arena.copy(node.entries[i].key),
                           deep_copy(node.entries[i].value, arena)};
      }
      break;
    default: break;
  }
  return copy;
}

bool equal(const Node& a, const Node& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::absent:
    case Kind::null: return true;
    case Kind::boolean: return a.boolean == b.boolean;
    case Kind::integer: return a.integer == b.integer;
    case Kind::timestamp: return a.time_us == b.time_us;
    case Kind::real: return a.real == b.real || (a.real != a.real && b.real != b.real);
    case Kind::text:
    case Kind::blob: return a.text() == b.text();
    case Kind::structure:
    case Kind::list: return std::ranges::equal(a.slots(), b.slots(), equal);
    case Kind::map:
      return std::ranges::equal(a.map(), b.map(), [](const MapEntry& x, const MapEntry& y) {
        return x.key == y.key && equal(x.value, y.value);
      });
  }
  return false;
}

}  // namespace slipway::wire
