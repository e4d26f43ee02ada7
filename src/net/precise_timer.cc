#include "net/precise_timer.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/log.h"

namespace slipway::net {

PreciseTimer::PreciseTimer(Loop& loop, std::function<void()> expired)
    : loop_(loop),
      expired_(std::move(expired)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!timer_) {
    log_error("net", "no descriptors left for a timer");
    std::abort();
  }
  loop_.watch(timer_.get(), EPOLLIN, *this);
}

PreciseTimer::~PreciseTimer() { loop_.unwatch(timer_.get(), *this); }

void PreciseTimer::set(std::chrono::nanoseconds delay) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
  // Nothing at all would mean: never.
  const auto rest = std::max<std::int64_t>((delay - seconds).count(), seconds.count() == 0 ? 1 : 0);
  const itimerspec due = {.it_interval = {},
                          .it_value = {.tv_sec = seconds.count(), .tv_nsec = rest}};
  ::timerfd_settime(timer_.get(), 0, &due, nullptr);
}

void PreciseTimer::on_ready(std::uint32_t) {
  std::uint64_t times = 0;
  // Set anew between its end and now: then there is nothing to read.
  if (::read(timer_.get(), &times, sizeof times) == sizeof times) expired_();
}

}  // namespace slipway::net
