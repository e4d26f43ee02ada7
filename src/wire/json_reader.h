// JSON text into nodes, in one pass, following a shape.
#pragma once

#include <string_view>

#include "base/result.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Which names a document uses: those of the wire (and then only members that travel in the body),
// or the model's (and then all members: stored documents).
enum class Names : std::uint8_t { wire, model };

// Returns the names that a service's JSON uses. One that spoke Query before it spoke JSON has its
// Query names in the tables; its JSON names are the model's.
inline Names json_names(const Service& service) {
  return service.query_compatible ? Names::model : Names::wire;
}

// Reads the whole of `text` as a value of `shape`. Strings without escapes view into `text`.
// Members that the shape does not have are skipped; null members are absent; of a name given twice
// the last counts; whole numbers are exact over the range of 64 bits.
//
// invalid_argument: not JSON (RFC 8259), not UTF-8, deeper or larger than the limits, or a value of
// another type than the shape says.
Result<Node> read_json(std::string_view text, const Shape& shape, Names names, Arena& arena);

// Reads any JSON value, numbers without a fraction as integers where they fit.
Result<Node> read_json_document(std::string_view text, Arena& arena);

// Keeps the last of the entries that share a key.
void drop_duplicate_keys(Node& map);

}  // namespace slipway::wire
