#include "server/running_instances.h"

namespace slipway::server {

void RunningInstances::observe(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  const std::scoped_lock lock(mutex_);
  if (observation.kind == Kind::started || observation.kind == Kind::adopted)
    running_.insert(observation.key);
  else if (observation.kind == Kind::exited)
    running_.erase(observation.key);
  changed_.notify_all();
}

bool RunningInstances::contains(std::string_view key) const {
  const std::scoped_lock lock(mutex_);
  return running_.contains(place::InstanceKey{std::string(key)});
}

std::size_t RunningInstances::count() const {
  const std::scoped_lock lock(mutex_);
  return running_.size();
}

void RunningInstances::stop_all(place::Place& place, std::chrono::milliseconds grace) {
  constexpr std::chrono::milliseconds kill_takes_at_most{1'000};
  std::unique_lock lock(mutex_);
  for (const place::InstanceKey& key : running_) place.stop(key, grace);
  changed_.wait_for(lock, grace + kill_takes_at_most, [this] { return running_.empty(); });
}

}  // namespace slipway::server
