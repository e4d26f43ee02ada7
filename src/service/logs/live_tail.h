// StartLiveTail: what is logged from now on, told to one client every second.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "base/random.h"
#include "engine/changes.h"
#include "service/logs/door.h"

namespace slipway::logs_door {

// Limits, which are AWS's but for the last.
inline constexpr std::size_t live_tails_max = 15;
inline constexpr std::size_t live_tail_groups_max = 10;
inline constexpr std::size_t live_tail_events_max = 500;  // of one update; others are left out
inline constexpr std::chrono::seconds live_tail_period{1};
inline constexpr std::chrono::hours live_tail_time_max{3};
inline constexpr std::size_t live_tail_waiting_bytes_max = 4 << 20;  // then an update is left out

// The sessions of one server. They end with their clients, and all when `changes` closes.
class LiveTails {
 public:
  // All outlive it and its sessions.
  struct Needs {
    logs::LogBook& book;
    engine::Changes& changes;
    WorkerPool& workers;  // look for what is new
    const Clock& clock;
  };
  explicit LiveTails(const Needs& needs) : needs_(needs) {}

  const Needs& needs() const { return needs_; }
  // One more session, as long as what is returned lives; null where there are live_tails_max.
  std::shared_ptr<const void> admit();

 private:
  const Needs needs_;
  std::shared_ptr<std::atomic<std::size_t>> open_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace slipway::logs_door
