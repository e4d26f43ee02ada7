#include "engine/routing/route_view.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace slipway::routing {

LegView* FleetView::leg_of(Generation generation) {
  const auto found =
      std::ranges::find(legs, generation, [](const LegView& leg) { return leg.route->generation; });
  return found == legs.end() ? nullptr : &*found;
}

FleetView::Spot FleetView::find_instance(std::string_view key) {
  for (LegView& leg : legs)
    for (VariantView& variant : leg.variants) {
      if (!lets_name_instances(variant.route->serving)) continue;
      for (InstanceLink* const link : variant.links)
        if (link->instance().key.text == key) return {&leg, &variant, link};
    }
  return {};
}

FleetView::Spot FleetView::find_limited(const ConcurrencyLimiter* limiter) {
  for (LegView& leg : legs)
    for (VariantView& variant : leg.variants) {
      const auto* const elastic = std::get_if<ElasticRoute>(&variant.route->serving);
      if (elastic != nullptr && elastic->limiter.get() == limiter)
        return {.leg = &leg, .variant = &variant};
    }
  return {};
}

RouteView::Shard& RouteView::fresh_shard(std::string_view fleet) {
  const std::size_t index = RouteTable::shard_of(fleet);
  Shard& shard = shards_[index];
  if (shard.version != routes_.version(index)) reload(shard, index);
  return shard;
}

// Keeps the links to instances that are routed to still; the others retire.
void RouteView::reload(Shard& shard, std::size_t index) {
  shard.version = routes_.version(index);
  shard.map = routes_.snapshot(index);
  shard.fleets.clear();
  Links kept;
  for (const auto& [id, route] : *shard.map)
    for (const FleetRoute::Leg& leg : route->legs)
      for (const VariantRoute& variant : leg.route->variants)
        for (const auto& instance : variant.instances)
          if (auto link = shard.links.extract(instance.get())) kept.insert(std::move(link));
  for (auto& [route, link] : shard.links) retired_.push_back(std::move(link));
  shard.links = std::move(kept);
}

void RouteView::refresh() {
  for (std::size_t i = 0; i < route_shards; ++i)
    if (shards_[i].map && shards_[i].version != routes_.version(i)) reload(shards_[i], i);
  drop_retired();
}

void RouteView::clear() {
  for (Shard& shard : shards_) shard = {};
  retired_.clear();
}

void RouteView::drop_retired() {
  std::erase_if(retired_, [](const auto& link) { return link->under_way() == 0; });
}

FleetView* RouteView::find(std::string_view fleet) {
  Shard& shard = fresh_shard(fleet);
  if (const auto known = shard.fleets.find(fleet); known != shard.fleets.end())
    return &known->second;
  const auto route = shard.map->find(fleet);
  if (route == shard.map->end()) return nullptr;
  FleetView view{.route = route->second, .legs = {}};
  for (const FleetRoute::Leg& leg : route->second->legs)
    view.legs.push_back(make(shard, route->first, leg));
  return &shard.fleets.emplace(route->first, std::move(view)).first->second;
}

LegView RouteView::make(Shard& shard, const std::string& fleet, const FleetRoute::Leg& leg) {
  LegView view{.share = leg.share, .route = leg.route, .variants = {}};
  for (const VariantRoute& variant : leg.route->variants) {
    VariantView& to = view.variants.emplace_back();
    to.route = &variant;
    to.cells = &counters_.of(fleet, variant.name);
    for (const auto& instance : variant.instances) {
      auto& link = shard.links[instance.get()];
      if (!link) link = std::make_unique<InstanceLink>(loop_, instance, user_, spare_);
      to.links.push_back(link.get());
    }
  }
  return view;
}

InstanceLink& RouteView::link_of(const std::shared_ptr<const InstanceRoute>& instance) {
  for (const Shard& shard : shards_)
    if (const auto found = shard.links.find(instance.get()); found != shard.links.end())
      return *found->second;
  for (const auto& link : retired_)
    if (&link->instance() == instance.get()) return *link;
  return *retired_.emplace_back(std::make_unique<InstanceLink>(loop_, instance, user_, spare_));
}

InstanceLink* RouteView::routed_link(std::string_view fleet, const InstanceRoute& instance) {
  const Shard& shard = fresh_shard(fleet);
  const auto found = shard.links.find(&instance);
  return found == shard.links.end() ? nullptr : found->second.get();
}

// Whoever is told may ask anew, and so change the maps: the links are listed first.
void RouteView::expire(Instant now) {
  std::vector<InstanceLink*> links;
  for (const Shard& shard : shards_)
    for (const auto& [route, link] : shard.links)
      if (link->under_way() > 0) links.push_back(link.get());
  for (const auto& link : retired_) links.push_back(link.get());
  for (InstanceLink* link : links) link->expire(now);
}

}  // namespace slipway::routing
