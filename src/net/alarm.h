// A deadline of a loop that is kept to the microsecond, where the loop's own timers are too coarse.
#pragma once

#include <chrono>
#include <functional>

#include "net/loop.h"
#include "net/socket.h"

namespace slipway::net {

// Loop thread only. Costs a descriptor, and a system call each time it is set.
class Alarm final : public Watcher {
 public:
  // `ring` may set it again. `loop` outlives this object.
  Alarm(Loop& loop, std::function<void()> ring);
  ~Alarm() override;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Rings once after `delay`, in place of what was set before.
  void set(std::chrono::nanoseconds delay);

 private:
  void on_ready(std::uint32_t events) override;

  Loop& loop_;
  const std::function<void()> ring_;
  Fd timer_;
};

}  // namespace slipway::net
