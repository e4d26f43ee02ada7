// Waits that grow: what fails again and again is tried less and less often.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace slipway {

// Says how long to wait before the next try of what failed: `first` after one failure, twice as
// long after each further one in a row, never longer than `most`.
struct Backoff {
  std::chrono::microseconds first;
  std::chrono::microseconds most;

  // Returns no wait at all where nothing failed.
  constexpr std::chrono::microseconds after(std::uint64_t failures) const {
    if (failures == 0 || first.count() == 0) return std::chrono::microseconds(0);
    std::chrono::microseconds wait = first;
    for (std::uint64_t i = 1; i < failures && wait < most; ++i) wait *= 2;
    return std::min(wait, most);
  }
};

}  // namespace slipway
