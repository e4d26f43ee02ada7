// Says when the machine's civil clock can be believed, before something is deleted for its age.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"

namespace slipway::engine {

// Limits. Nothing goes so shortly after a start, or after the machine's clock was set by more than
// a little: it may be wrong until it has asked others.
inline constexpr std::chrono::minutes clock_settles{10};
inline constexpr std::chrono::minutes clock_set_min{5};

// Watches the civil clock against server time, which nobody sets. One thread's.
class ClockWatch {
 public:
  // `clock` outlives it.
  explicit ClockWatch(const Clock& clock)
      : clock_(clock), settled_(clock.monotonic() + clock_settles) {}

  // How long nothing may be deleted yet; zero: `now` is believed.
  std::chrono::microseconds wait(const Moment& now);

 private:
  const Clock& clock_;
  Instant settled_;
  std::optional<std::chrono::microseconds> ahead_;  // of server time, when it was looked at last
};

}  // namespace slipway::engine
