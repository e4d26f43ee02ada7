// Long polling: an empty answer that is held until there is something in it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "service/call.h"

namespace slipway::service {

// In a `read` handler: the answer cannot be made yet. It is made when `topic` of engine::Changes
// moves, and `unavailable` where that takes longer than `time_max`, or the server ends.
//
// In a `write` handler: the answer holds nothing yet, and its client, any client, asked to wait. It
// is made anew when `topic` of engine::Changes moves or `look_again` has passed, and goes out as it
// is once `time_max` has passed since the request came, or when the server ends.
struct Poll {
  std::string topic;
  std::chrono::microseconds time_max{0};
  std::optional<std::chrono::microseconds> look_again = {};
};

// Makes the call await it (Call::wait_for).
void poll(Call& call, const Poll& poll);
// What a handler's call awaits; nothing where it polls for nothing.
std::optional<Poll> poll_of(const Call& call);

}  // namespace slipway::service
