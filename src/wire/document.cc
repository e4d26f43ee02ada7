#include "wire/document.h"

#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace slipway::wire {

std::string to_json(const Node& node, const Shape& shape) {
  std::string out;
  write_json(node, shape, Names::model, out);
  return out;
}

Result<Node> from_json(std::string_view text, const Shape& shape, Arena& arena) {
  auto node = read_json(arena.copy(text), shape, Names::model, arena);
  if (!node) {
    return fail(ErrorCode::corrupted,
                "A stored " + std::string(shape.name) + " cannot be read: " + node.error().message);
  }
  return node;
}

}  // namespace slipway::wire
