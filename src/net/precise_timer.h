// A deadline of a loop that is kept to the microsecond, where the loop's own timers are too coarse.
#pragma once

#include <chrono>
#include <functional>

#include "net/loop.h"
#include "net/socket.h"

namespace slipway::net {

// Runs what it was made with once each time that it was set. Loop thread only. Costs a descriptor,
// and a system call each time it is set.
class PreciseTimer final : public Watcher {
 public:
  // `expired` may set it again. `loop` outlives this object.
  PreciseTimer(Loop& loop, std::function<void()> expired);
  ~PreciseTimer() override;
  PreciseTimer(const PreciseTimer&) = delete;
  PreciseTimer& operator=(const PreciseTimer&) = delete;

  // Expires once after `delay`, in place of what was set before.
  void set(std::chrono::nanoseconds delay);

 private:
  void on_ready(std::uint32_t events) override;

  Loop& loop_;
  const std::function<void()> expired_;
  Fd timer_;
};

}  // namespace slipway::net
