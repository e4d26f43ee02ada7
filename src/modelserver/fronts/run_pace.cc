#include "modelserver/fronts/run_pace.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace slipway::modelserver {

namespace {

using Micro = std::chrono::duration<double, std::micro>;

// The weight of the newest measurement in the moving average.
constexpr double newest_weight = 0.2;
// What is left with each run of the most requests that were ever under way at once.
constexpr double crowd_kept = 0.95;

}  // namespace

void RunPace::note_run(std::chrono::nanoseconds took, std::size_t requests) {
  const double run_us = Micro(took).count();
  const double us = run_us / static_cast<double>(requests);
  run_us_ += newest_weight * (run_us - run_us_);
  request_us_ = request_us_ < 0 ? us : request_us_ + newest_weight * (us - request_us_);
  const double limit = Micro(slow_run_time).count();
  if (slow_ && request_us_ < limit / 2) slow_ = false;
  if (!slow_ && request_us_ > limit) slow_ = true;
}

void RunPace::note_crowd(std::size_t requests) {
  crowd_ = std::max(crowd_ * crowd_kept, static_cast<double>(requests));
}

bool RunPace::may_hold_up_loop() const {
  return request_us_ >= 0 && request_us_ <= Micro(lone_run_time_max).count();
}

std::chrono::nanoseconds RunPace::run_time() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Micro(run_us_));
}

std::size_t RunPace::fair_share(std::size_t concurrency) const {
  const double share = std::ceil(crowd_ / static_cast<double>(concurrency));
  return std::max<std::size_t>(1, static_cast<std::size_t>(share));
}

net::LinkPace RunPace::link_pace() const {
  const auto requests =
      static_cast<double>(net::link_pace_time.count()) / std::max(request_us_, 0.1);
  return slow_ ? 0 : static_cast<net::LinkPace>(std::min(requests, 255.0));
}

}  // namespace slipway::modelserver
