// Frames of application/vnd.amazon.eventstream: what a streamed answer is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::wire {

// AWS's own clients refuse more.
inline constexpr std::size_t event_headers_bytes_max = 128 * 1024;
inline constexpr std::size_t event_payload_bytes_max = 24 * 1024 * 1024;
// Total length, headers length, their CRC, and the CRC of all: the bytes around headers and
// payload.
inline constexpr std::size_t event_overhead_bytes = 16;

// A header of type string (7), the only one that services send.
using EventHeader = std::pair<std::string_view, std::string_view>;

// Appends one frame. The caller keeps to the limits above; a longer payload is a bug and is cut
// nowhere: split it first.
void append_event_frame(std::string& out, std::span<const EventHeader> headers,
                        std::string_view payload);

// `:message-type: event`: raw bytes under an event type ("PayloadPart").
void append_event(std::string& out, std::string_view event_type, std::string_view content_type,
                  std::string_view payload);
// `:message-type: exception`: a modelled error in flight; the payload is its JSON.
void append_exception(std::string& out, std::string_view exception_type, std::string_view payload);

// A frame that was read. Headers of other types than string and the payload are views into the
// input; a header of another type has its raw value bytes.
struct EventFrame {
  std::vector<EventHeader> headers;
  std::string_view payload;
  std::size_t bytes = 0;  // of the whole frame: what to drop from the input

  std::string_view header(std::string_view name) const;
};

// The frame at the start of `input`; nullopt where more bytes are needed. `corrupted` for a wrong
// CRC or lengths that contradict each other or pass the limits.
Result<std::optional<EventFrame>> decode_event_frame(std::string_view input);

}  // namespace slipway::wire
