// How long a model takes, and what follows from that.
#pragma once

#include <chrono>
#include <cstddef>

#include "net/link_frame.h"

namespace slipway::modelserver {

// A model that takes longer than this for one request runs on worker threads, so that the loop goes
// on reading; one that is faster than half of it runs on the loop.
inline constexpr std::chrono::microseconds slow_run_time{200};
// A slow model's request runs on the loop as well where it comes alone, as those before it did, is
// small, and takes no longer than this: the hops to a worker and back cost more than they gain.
inline constexpr std::chrono::milliseconds lone_run_time_max{10};

// A pace is what was measured of a model's runs: how long one takes, and how many requests are
// under way at once. Averages over the last runs. No clock of its own: it is told.
class RunPace {
 public:
  // A run for so many requests took so long.
  void note_run(std::chrono::nanoseconds took, std::size_t requests);
  // So many requests are under way at once, before one of them is run.
  void note_crowd(std::size_t requests);

  // Whether a request takes too long for the loop to wait for it; so before the first is measured.
  bool is_slow() const { return slow_; }
  // Whether the loop may wait for a slow one where nobody else does.
  bool may_hold_up_loop() const;
  // For one run, of however many requests.
  std::chrono::nanoseconds run_time() const;
  // Of the requests that are under way, for each of the runs that may go on at once.
  std::size_t fair_share(std::size_t concurrency) const;
  // Returns what the other end of a link is told: how many requests a turn of the loop is good for.
  net::LinkPace link_pace() const;

 private:
  double run_us_ = 0;       // moving average for one run
  double request_us_ = -1;  // moving average for one request; -1: nothing measured yet
  double crowd_ = 0;        // requests under way at once: a maximum that fades
  bool slow_ = true;
};

}  // namespace slipway::modelserver
