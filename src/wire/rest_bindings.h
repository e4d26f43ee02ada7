// Members that travel outside the body: path, query string, headers, status.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/codec.h"

namespace slipway::wire {

// Sets the members of `out` (a structure of `shape`) that stand in the path, query and headers.
Result<void> read_bindings(const Shape& shape, const PathLabels& labels,
                           const HttpRequestView& request, Arena& arena, Node& out);

// Sets the members that stand in the headers and the status of an answer.
Result<void> read_response_bindings(const Shape& shape, std::span<const HeaderView> headers,
                                    int status, Arena& arena, Node& out);

void write_headers(const Node& node, const Shape& shape, HeaderList& out);

// The status that a member carries, or `otherwise`.
int status_of(const Node& node, const Shape& shape, int otherwise);

// The path and query of `operation.request_uri` with the labels and query members of `input`.
Result<void> write_target(const Operation& operation, const Node& input, HttpRequestParts& out);

// Whether the shape has members that travel in the body.
bool has_body_members(const Shape& shape);

}  // namespace slipway::wire
