#include "wire/schema.h"

#include <algorithm>

#include "wire/view.h"

namespace slipway::wire {
namespace {

// The order of the wire is mostly the schema's: looks from `hint` on, then from the start.
template <typename Name>
int find_by(const Shape& structure, std::string_view name, int hint, Name name_of_member) {
  const int count = static_cast<int>(structure.members.size());
  for (int step = 0, i = hint < count ? hint : 0; step < count; ++step) {
    if (name_of_member(structure.members[static_cast<std::size_t>(i)]) == name) return i;
    if (++i == count) i = 0;
  }
  return -1;
}

}  // namespace

std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::json10: return "json10";
    case Protocol::json11: return "json11";
    case Protocol::rest_json: return "rest_json";
    case Protocol::rest_xml: return "rest_xml";
    case Protocol::query: return "query";
    case Protocol::cbor: return "cbor";
  }
  return "unknown";
}

int find_member(const Shape& structure, std::string_view name, int hint) {
  return find_by(structure, name, hint, [](const Member& member) { return member.name; });
}

int find_wire_member(const Shape& structure, std::string_view wire_name, int hint) {
  return find_by(structure, wire_name, hint, [](const Member& member) { return member.wire_name; });
}

const Operation* Schema::find_operation(std::string_view name) const {
  const auto found = std::ranges::lower_bound(operations, name, {}, &Operation::name);
  return found != operations.end() && found->name == name ? &*found : nullptr;
}

const Shape* Schema::find_shape(std::string_view name) const {
  const auto found = std::ranges::find(shapes, name, &Shape::name);
  return found == shapes.end() ? nullptr : &*found;
}

const Shape& Unit::shape() {
  static constexpr Shape unit{.name = "Unit"};
  return unit;
}

void echo(const Shape& from_shape, const Node& from, const Shape& to_shape, Node& to) {
  if (from.kind != Kind::structure || to.kind != Kind::structure) return;
  for (std::size_t i = 0; i < to_shape.members.size(); ++i) {
    if (to.items[i].present()) continue;
    const int slot = find_member(from_shape, to_shape.members[i].name, static_cast<int>(i));
    if (slot < 0) continue;
    const Shape* a = from_shape.members[static_cast<std::size_t>(slot)].shape;
    const Shape* b = to_shape.members[i].shape;
    const bool scalar = a->members.empty() && b->members.empty() && a->kind == b->kind;
    if (a == b || scalar) to.items[i] = from.items[slot];
  }
}

}  // namespace slipway::wire
