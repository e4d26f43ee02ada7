// Which instances run now, as the place's observations tell: what a clean end has to stop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "place/place.h"

namespace slipway::server {

// Thread-safe.
class RunningInstances {
 public:
  void observe(const place::Observation& observation);

  bool contains(std::string_view key) const;
  std::size_t count() const;

  // Asks all of them to end and waits until they have, or until `grace` and a little has passed.
  void stop_all(place::Place& place, std::chrono::milliseconds grace);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<place::InstanceKey> running_;
};

}  // namespace slipway::server
