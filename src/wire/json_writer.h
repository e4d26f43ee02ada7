// Nodes into JSON text.
#pragma once

#include <string>
#include <string_view>

#include "wire/json_reader.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Appends `node`, which has the form of `shape`. With Names::wire only members that travel in the
// body are written. Numbers that JSON cannot write become "NaN" and "Infinity".
void write_json(const Node& node, const Shape& shape, Names names, std::string& out);

// Appends a value that has no shape.
void write_json_document(const Node& node, std::string& out);

// Appends `text` in quotes.
void write_json_string(std::string_view text, std::string& out);

}  // namespace slipway::wire
