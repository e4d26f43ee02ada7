#include "engine/routing/routes.h"

#include <algorithm>
#include <utility>

namespace slipway::routing {

namespace {

// Whether two pointers point to equal things, or both to none.
template <typename T>
bool same(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a && b && *a == *b);
}

}  // namespace

// Here and below each member is named, so that one which is added does not compile before somebody
// has said whether it counts.
bool VariantRoute::operator==(const VariantRoute& other) const {
  const auto& [name_a, weight_a, audience_a, serving_a, instances_a] = *this;
  const auto& [name_b, weight_b, audience_b, serving_b, instances_b] = other;
  return name_a == name_b && weight_a == weight_b && audience_a == audience_b &&
         serving_a == serving_b &&
         std::ranges::equal(instances_a, instances_b, same<InstanceRoute>);
}

bool GenerationRoute::operator==(const GenerationRoute& other) const {
  const auto& [generation_a, timeout_a, border_a, access_a, variants_a, weight_a, shadow_a,
               capture_a, writers_a] = *this;
  const auto& [generation_b, timeout_b, border_b, access_b, variants_b, weight_b, shadow_b,
               capture_b, writers_b] = other;
  return generation_a == generation_b && timeout_a == timeout_b && border_a == border_b &&
         access_a == access_b && variants_a == variants_b && weight_a == weight_b &&
         shadow_a == shadow_b && same(capture_a, capture_b) && writers_a == writers_b;
}

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
              const auto known = sink->alive.find(gone);
              if (known->second == drained) sink->alive.erase(known);
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

std::optional<Shares> RouteTable::routed(const FleetId& id) const {
  if (!complete()) return std::nullopt;
  const auto map = snapshot(shard_of(id.text));
  Shares shares;
  if (const auto found = map->find(id.text); found != map->end())
    for (const FleetRoute::Leg& leg : found->second->legs)
      shares[leg.route->generation] = leg.share;
  return shares;
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
