// Places in logs as text: the tokens of GetLogEvents, which have AWS's own form because clients
// tell their two directions apart by it, and the positions in the page tokens of FilterLogEvents.
// What a client made up is refused or harmless.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/logs/log_book.h"
#include "engine/logs/search.h"

namespace slipway::logs_door {

// GetLogEvents: "f/<56 digits>/s" reads on behind an event, "b/<56 digits>/s" reads back before
// one.
struct StreamToken {
  enum class Direction : std::uint8_t { forward, backward };
  Direction direction = Direction::forward;
  Timestamp time{};  // the event's
  logs::Position position = 0;
};
std::string to_text(const StreamToken& token);
Result<StreamToken> stream_token(std::string_view text);

// FilterLogEvents: the last event that was given.
std::string to_text(const logs::EventPlace& place);
Result<logs::EventPlace> event_place(std::string_view text);

// What tells an event from every other one: 56 digits, in the order of time.
std::string event_id(const logs::FoundEvent& event);

// InvalidParameterException, for a token that is not of the list or the stream.
std::unexpected<Error> invalid_token();

}  // namespace slipway::logs_door
