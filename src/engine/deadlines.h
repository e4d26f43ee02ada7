// Has those answered who waited for long enough, while anybody waits at all.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "net/loop.h"

namespace slipway::engine {

// A deadline is overrun by at most so much.
inline constexpr std::chrono::milliseconds expire_period{100};

// Looks at many kinds of waiting with one timer, which is set only while somebody waits: an idle
// loop sleeps. Its loop ends before this object does.
class Deadlines {
 public:
  // Answers those whose deadline has passed and returns how many wait on. On the loop's thread.
  using Expire = std::function<std::size_t()>;
  // Is to be called, from any thread, whenever somebody has begun to wait. Costs next to nothing
  // where others wait already.
  using Begun = std::function<void()>;

  explicit Deadlines(net::Loop& loop) : loop_(loop) {}

  // Adds a kind of waiting: once its Begun was called, `expire` is called every expire_period until
  // it returns 0. Both end before this object does.
  Begun watch(Expire expire);

 private:
  struct Kind {
    Expire expire;
    std::atomic<bool> watched = false;  // it is among watched_, or on its way there
  };

  void look();
  void look_later();

  net::Loop& loop_;
  std::vector<std::shared_ptr<Kind>> watched_;  // the loop thread's
};

}  // namespace slipway::engine
