// Which instances run now, as the place's observations tell: what a clean end has to stop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "place/place.h"

namespace slipway::server {

// Keeps the list. Thread-safe.
class LiveInstances {
 public:
  void observe(const place::Observation& observation);

  bool contains(std::string_view key) const;
  std::size_t count() const;

  // Waits until none is left, at most so long.
  void wait_until_ended(std::chrono::milliseconds patience);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<place::InstanceKey> running_;
};

}  // namespace slipway::server
