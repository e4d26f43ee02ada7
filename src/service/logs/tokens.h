// The page tokens that clients carry: where to go on. What a client made up is refused or harmless.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/logs/log_book.h"
#include "engine/logs/search.h"

namespace slipway::logs_door {

// GetLogEvents: "f/<position>" reads on, "b/<position>" reads back.
struct StreamToken {
  enum class Direction : std::uint8_t { forward, backward };
  Direction direction = Direction::forward;
  logs::Position position = 0;
};
std::string to_text(const StreamToken& token);
Result<StreamToken> stream_token(std::string_view text);

// FilterLogEvents: the last event that was given.
std::string to_text(const logs::EventPlace& place);
Result<logs::EventPlace> group_token(std::string_view text);

// Lists: the name behind which to go on.
std::string list_token(std::string_view name);
Result<std::string> name_after(std::string_view text);

}  // namespace slipway::logs_door
