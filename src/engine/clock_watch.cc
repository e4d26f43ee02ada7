#include "engine/clock_watch.h"

#include <algorithm>
#include <utility>

namespace slipway::engine {

std::chrono::microseconds ClockWatch::wait(const Moment& now) {
  using std::chrono::microseconds;
  const auto ahead = now.civil.time_since_epoch() - now.server.time_since_epoch();
  const auto known = std::exchange(ahead_, ahead);
  const Instant at = clock_.monotonic();
  if (known && std::chrono::abs(ahead - *known) > clock_set_min) settled_ = at + clock_settles;
  return std::max(microseconds(0), std::chrono::duration_cast<microseconds>(settled_ - at));
}

}  // namespace slipway::engine
