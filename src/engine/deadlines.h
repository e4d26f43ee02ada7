// Has those answered who waited for long enough, while anybody waits at all.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
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

  explicit Deadlines(net::Loop& loop) : loop_(loop) {}

  // Somebody waits from now on, where nobody did: `expire` is called every expire_period until it
  // returns 0. From any thread.
  void keep(Expire expire);

 private:
  void look();
  void look_later();

  net::Loop& loop_;
  std::vector<Expire> kept_;  // the loop thread's
};

}  // namespace slipway::engine
