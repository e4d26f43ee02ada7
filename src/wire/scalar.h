// Single values as text: in headers, paths, query strings, form bodies and XML.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Returns the error that the service's own word for "unreadable" goes with: invalid_argument
// without a kind, which decode_request() fills in.
std::unexpected<Error> unreadable(std::string message);

// The format of a timestamp member: its own, its shape's, else `otherwise`.
TimestampFormat time_format(const Member& member, TimestampFormat otherwise);

// Reads text, number, boolean, timestamp or blob (base64). Text views into `text`.
Result<Node> parse_scalar(const Shape& shape, std::string_view text, TimestampFormat format,
                          Arena& arena);
// Appends what parse_scalar() reads.
void format_scalar(const Node& node, TimestampFormat format, std::string& out);

void format_time(slipway::Timestamp time, TimestampFormat format, std::string& out);
// Takes any of the three forms, whatever the model says: clients are not all alike.
Result<slipway::Timestamp> parse_time(std::string_view text);

// "1.5", "NaN", "-Infinity".
void format_real(double value, std::string& out);

}  // namespace slipway::wire
