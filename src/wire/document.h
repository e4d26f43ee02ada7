// A structure as stored text: JSON with the model's own member names.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/schema.h"
#include "wire/view.h"

namespace slipway::wire {

// Every member, those that travel in headers and paths too; streaming members are left out.
std::string to_json(const Node& node, const Shape& shape);

// Reads what to_json() wrote. Members that the shape does not have are skipped, so that an older
// program reads what a newer one wrote. `text` is copied: the result depends on `arena` alone.
// corrupted: `text` is not JSON, or a member has another type.
Result<Node> from_json(std::string_view text, const Shape& shape, Arena& arena);

template <std::derived_from<StructView> View>
std::string to_json(const View& view) {
  return to_json(view.node(), View::shape());
}

template <std::derived_from<StructView> View>
Result<View> from_json(std::string_view text, Arena& arena) {
  TRY(const Node node, from_json(text, View::shape(), arena));
  return View(node, &arena);
}

}  // namespace slipway::wire
