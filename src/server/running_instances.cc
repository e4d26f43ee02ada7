#include "server/running_instances.h"

namespace slipway::server {

void LiveInstances::observe(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  const std::scoped_lock lock(mutex_);
  if (observation.kind == Kind::started || observation.kind == Kind::adopted)
    running_.insert(observation.key);
  else if (observation.kind == Kind::exited)
    running_.erase(observation.key);
  changed_.notify_all();
}

bool LiveInstances::contains(std::string_view key) const {
  const std::scoped_lock lock(mutex_);
  return running_.contains(place::InstanceKey{std::string(key)});
}

std::size_t LiveInstances::count() const {
  const std::scoped_lock lock(mutex_);
  return running_.size();
}

void LiveInstances::wait_until_ended(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return running_.empty(); });
}

}  // namespace slipway::server
