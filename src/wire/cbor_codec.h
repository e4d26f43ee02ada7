// CBOR (RFC 8949) as Smithy's RPC v2 uses it: maps with text keys, tag 1 for timestamps.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Reads the whole of `bytes` as a value of `shape`: definite and indefinite lengths, half, single
// and double floats. Texts and byte strings of one piece view into `bytes`. Unknown members are
// skipped. invalid_argument: malformed, too deep, or of another type than the shape says.
Result<Node> read_cbor(std::string_view bytes, const Shape& shape, Arena& arena);

// Appends `node` with definite lengths.
void write_cbor(const Node& node, const Shape& shape, std::string& out);

void write_cbor_text(std::string_view text, std::string& out);
void write_cbor_map_head(std::size_t count, std::string& out);

}  // namespace slipway::wire
