#include "engine/routing/concurrency_limiter.h"

#include <algorithm>

namespace slipway::routing {

ConcurrencyLimiter::ConcurrencyLimiter(const Clock& clock, Hooks hooks)
    : clock_(clock),
      hooks_(std::move(hooks)),
      last_used_us_(to_microseconds(clock.server_time())) {}

bool ConcurrencyLimiter::acquire(std::uint32_t concurrency_max) {
  std::uint32_t before = under_way_.load(std::memory_order_relaxed);
  do {
    if (before >= concurrency_max) return false;
  } while (!under_way_.compare_exchange_weak(before, before + 1));
  const std::uint32_t now = before + 1;
  std::uint32_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
  }
  if (now > aimed_.load()) ring();
  return true;
}

// The time is written before the count falls: whoever sees nobody under way sees until when.
void ConcurrencyLimiter::release() {
  last_used_us_.store(to_microseconds(clock_.server_time()), std::memory_order_relaxed);
  under_way_.fetch_sub(1);
  if (waiting_.load() > 0) hooks_.freed();
}

void ConcurrencyLimiter::add_waiting(std::int32_t change) { waiting_.fetch_add(change); }

void ConcurrencyLimiter::ring() {
  if (!rung_.exchange(true)) hooks_.demand();
}

ConcurrencyLimiter::GivenUp ConcurrencyLimiter::given_up() const {
  const std::lock_guard lock(mutex_);
  return {.times = given_up_times(), .reason = given_up_reason_};
}

ConcurrencyLimiter::Demand ConcurrencyLimiter::look() {
  rung_.store(false);
  Demand demand;
  demand.now = under_way_.load();
  demand.peak = std::max(peak_.exchange(demand.now), demand.now);
  demand.last_used = server_time_from(last_used_us_.load(std::memory_order_relaxed));
  return demand;
}

// A permit that was taken between the look and this saw the old aim: one of the two sides notices.
void ConcurrencyLimiter::aim(std::uint32_t requests) {
  aimed_.store(requests);
  if (under_way_.load() > requests) ring();
}

void ConcurrencyLimiter::give_up(std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    given_up_reason_ = std::move(reason);
    given_up_times_.fetch_add(1, std::memory_order_release);
  }
  hooks_.freed();
}

}  // namespace slipway::routing
