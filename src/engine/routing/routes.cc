#include "engine/routing/routes.h"

#include <utility>

namespace slipway::routing {

std::shared_ptr<const InstanceRoute> RouteTable::make_instance(place::InstanceKey key,
                                                               place::Addresses addresses,
                                                               RequestForm form) {
  auto* route = new InstanceRoute{.key = std::move(key),
                                  .addresses = std::move(addresses),
                                  .form = std::move(form),
                                  .number = next_number_.fetch_add(1)};
  {
    const std::lock_guard lock(drain_sink_->mutex);
    drain_sink_->alive[route->key] = route;
  }
  return {route, [sink = drain_sink_](const InstanceRoute* drained) {
            const place::InstanceKey gone = drained->key;
            {
              const std::lock_guard lock(sink->mutex);
              sink->alive.erase(gone);
            }
            delete drained;
            if (sink->tell) sink->tell(gone);
          }};
}

void RouteTable::note_ending(const place::InstanceKey& key, std::string reason) {
  const std::lock_guard lock(drain_sink_->mutex);
  const auto found = drain_sink_->alive.find(key);
  if (found != drain_sink_->alive.end())
    found->second->ending.store(std::make_shared<const std::string>(std::move(reason)));
}

void RouteTable::publish(const FleetId& id, std::shared_ptr<const FleetRoute> route) {
  change(id.text, std::move(route));
}

void RouteTable::withdraw(const FleetId& id) { change(id.text, nullptr); }

// The old map goes after the lock: letting go of it may tell that an instance is drained.
void RouteTable::change(const std::string& id, std::shared_ptr<const FleetRoute> route) {
  Shard& shard = shards_[shard_of(id)];
  std::shared_ptr<const RouteMap> old;
  {
    const std::lock_guard lock(shard.mutex);
    auto next = std::make_shared<RouteMap>(*shard.map);
    if (route)
      next->insert_or_assign(id, std::move(route));
    else
      next->erase(id);
    old = std::exchange(shard.map, std::move(next));
    shard.version.fetch_add(1, std::memory_order_release);
  }
  tell_subscribers();
}

void RouteTable::set_complete() {
  complete_.store(true, std::memory_order_release);
  tell_subscribers();
}

std::optional<Generation> RouteTable::routed(const FleetId& id) const {
  if (!complete()) return std::nullopt;
  const auto map = snapshot(shard_of(id.text));
  const auto found = map->find(id.text);
  return found == map->end() ? 0 : found->second->generation;
}

std::size_t RouteTable::shard_of(std::string_view fleet) {
  return StringHash{}(fleet) % route_shards;
}

std::uint64_t RouteTable::version(std::size_t shard) const {
  return shards_[shard].version.load(std::memory_order_acquire);
}

std::shared_ptr<const RouteMap> RouteTable::snapshot(std::size_t shard) const {
  const std::lock_guard lock(shards_[shard].mutex);
  return shards_[shard].map;
}

void RouteTable::on_drained(std::function<void(const place::InstanceKey&)> sink) {
  drain_sink_->tell = std::move(sink);
}

std::uint64_t RouteTable::subscribe(std::function<void()> changed) {
  const std::lock_guard lock(subscribers_mutex_);
  subscribers_[next_handle_] = std::move(changed);
  return next_handle_++;
}

void RouteTable::unsubscribe(std::uint64_t handle) {
  const std::lock_guard lock(subscribers_mutex_);
  subscribers_.erase(handle);
}

void RouteTable::tell_subscribers() {
  const std::lock_guard lock(subscribers_mutex_);
  for (const auto& [handle, changed] : subscribers_) changed();
}

}  // namespace slipway::routing
