#include "service/permissions.h"

#include <fmt/format.h>

#include "base/text.h"

namespace slipway::service {
namespace {

using wire::Kind;
using wire::Node;
using wire::Shape;

std::optional<std::string> scalar_text(const Node& node) {
  switch (node.kind) {
    case Kind::text: return std::string(node.text());
    case Kind::integer: return fmt::to_string(node.integer);
    case Kind::real: return fmt::to_string(node.real);
    case Kind::boolean: return node.boolean ? "true" : "false";
    case Kind::timestamp: return to_iso8601(node.time());
    default: return std::nullopt;
  }
}

struct Place {
  const Node& node;
  const Shape& shape;
};

// Calls `visit(node, shape)` for each value at `path` below `at`.
template <typename Visit>
void walk(const Place& at, std::string_view path, Visit& visit) {
  if (!at.node.present() || at.node.kind == Kind::null) return;
  if (at.node.kind == Kind::list &&
      !(path.empty() && at.shape.members[0].shape->kind == wire::ShapeKind::structure)) {
    for (const Node& item : at.node.slots()) walk({item, *at.shape.members[0].shape}, path, visit);
    return;
  }
  if (path.empty()) return visit(at.node, at.shape);
  if (at.node.kind != Kind::structure) return;
  const std::string_view step = take_until(path, '.');
  const int slot = wire::find_member(at.shape, step);
  if (slot < 0) return;
  const auto index = static_cast<std::size_t>(slot);
  walk({at.node.items[index], *at.shape.members[index].shape}, path, visit);
}

// The member that a tag's key, or its value, stands in, whatever case the service spells it in.
std::string member_text(const Node& node, const Shape& shape, std::string_view name) {
  for (std::size_t i = 0; i < shape.members.size(); ++i)
    if (equal_ignoring_case(shape.members[i].name, name))
      return scalar_text(node.items[i]).value_or("");
  return {};
}

}  // namespace

std::vector<std::string> Question::texts(std::string_view path) const {
  std::vector<std::string> out;
  if (!operation_.input) return out;
  auto visit = [&](const Node& node, const Shape& shape) {
    if (node.kind == Kind::map)
      for (const wire::MapEntry& entry : node.map()) out.emplace_back(entry.key);
    else if (node.kind == Kind::list)  // of structures: what counts is that it has some
      for (const Node& item : node.slots())
        out.push_back(member_text(item, *shape.members[0].shape, "Key"));
    else if (auto text = scalar_text(node))
      out.push_back(*std::move(text));
    else if (node.kind == Kind::structure)
      out.emplace_back();
  };
  walk({input_, *operation_.input}, path, visit);
  return out;
}

std::string Question::text(std::string_view path) const {
  auto all = texts(path);
  return all.empty() ? std::string() : std::move(all.front());
}

std::vector<std::pair<std::string, std::string>> Question::tags(std::string_view path) const {
  std::vector<std::pair<std::string, std::string>> out;
  if (!operation_.input) return out;
  auto visit = [&](const Node& node, const Shape& shape) {
    if (node.kind == Kind::map)
      for (const wire::MapEntry& entry : node.map())
        out.emplace_back(entry.key, scalar_text(entry.value).value_or(""));
    if (node.kind != Kind::list) return;
    const Shape& tag = *shape.members[0].shape;
    for (const Node& item : node.slots())
      out.emplace_back(member_text(item, tag, "Key"), member_text(item, tag, "Value"));
  };
  walk({input_, *operation_.input}, path, visit);
  return out;
}

void add_resource_tags(store::Transaction& tx, const Guarded& guarded, Context& out) {
  if (!guarded.tagged) return;
  for (auto& [key, value] : tags::list(tx, *guarded.tagged))
    out.push_back({"aws:ResourceTag/" + key, {std::move(value)}});
}

}  // namespace slipway::service
