#include "service/poll.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace slipway::service {
namespace {

constexpr std::string_view never = "-";

std::optional<std::chrono::microseconds> duration_of(std::string_view text) {
  std::int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
    return std::nullopt;
  return std::chrono::microseconds(number);
}

}  // namespace

// Both times in microseconds before the topic: "20000000 - events/queue/...".
void poll(Call& call, const Poll& poll) {
  const std::string again =
      poll.look_again ? fmt::to_string(poll.look_again->count()) : std::string(never);
  call.wait_for(fmt::format("{} {} {}", poll.time_max.count(), again, poll.topic));
}

std::optional<Poll> poll_of(const Call& call) {
  std::string_view rest = call.awaited();
  const auto time_max = duration_of(take_until(rest, ' '));
  if (!time_max) return std::nullopt;
  const auto again = duration_of(take_until(rest, ' '));
  return Poll{.topic = std::string(rest), .time_max = *time_max, .look_again = again};
}

}  // namespace slipway::service
