// The routes as one router uses them: what it read of the table, with its own links to instances.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/string_hash.h"
#include "engine/routing/counters.h"
#include "engine/routing/instance_link.h"
#include "engine/routing/link.h"
#include "engine/routing/routes.h"
#include "net/link_frame.h"
#include "net/loop.h"

namespace slipway::routing {

// One variant, or one container of it.
struct VariantView {
  const VariantRoute* route = nullptr;  // of the generation's route
  VariantCells* cells = nullptr;
  std::vector<InstanceLink*> links;  // one for each of its instances
};

// One generation of a fleet.
struct LegView {
  double share = 1;
  std::shared_ptr<const GenerationRoute> route;
  std::vector<VariantView> variants;
};

// One fleet, made from the snapshot when it is first asked for.
struct FleetView {
  std::shared_ptr<const FleetRoute> route;
  std::vector<LegView> legs;  // the route's

  // Null: that generation does not serve.
  LegView* leg_of(Generation generation);

  // Where something stands; all null: nowhere.
  struct Spot {
    LegView* leg = nullptr;
    VariantView* variant = nullptr;
    InstanceLink* link = nullptr;
  };
  // The instance of that key, in whichever generation, of the variants that let requests name one.
  Spot find_instance(std::string_view key);
  // The elastic variant whose requests the limiter counts.
  Spot find_limited(const ConcurrencyLimiter* limiter);
};

// Loop thread only, but for counters(). Owns the links: one for each instance, kept while the
// instance is routed to, and after that until nothing is under way on it.
class RouteView {
 public:
  // All outlive this object.
  RouteView(net::Loop& loop, RouteTable& routes, LinkUser& user)
      : loop_(loop), routes_(routes), user_(user) {}

  // Returns the fleet as the table has it now; null where there is none of that name. What it
  // points to lives until the next find() or refresh().
  FleetView* find(std::string_view fleet);
  // The link to an instance that need not be routed to any more.
  InstanceLink& link_of(const std::shared_ptr<const InstanceRoute>& instance);
  // Of an instance of `fleet` that is routed to; null where it is not.
  InstanceLink* routed_link(std::string_view fleet, const InstanceRoute& instance);

  // Lets go of what the table has no more, as far as this view has it.
  void refresh();
  // Lets go of everything; what is under way fails.
  void clear();

  // Fails what should have been answered by now. Whoever is told may ask anew.
  void expire(Instant now);
  void drop_retired();
  // Whether links wait for what is still under way on them.
  bool has_retired() const { return !retired_.empty(); }

  // From any thread.
  std::vector<VariantCounters> counters() const { return counters_.read(); }

 private:
  using Links = std::unordered_map<const InstanceRoute*, std::unique_ptr<InstanceLink>>;
  struct Shard {
    std::uint64_t version = 0;
    std::shared_ptr<const RouteMap> map;
    std::unordered_map<std::string, FleetView, StringHash, std::equal_to<>> fleets;
    Links links;
  };

  Shard& fresh_shard(std::string_view fleet);
  void reload(Shard& shard, std::size_t index);
  LegView make(Shard& shard, const std::string& fleet, const FleetRoute::Leg& leg);

  net::Loop& loop_;
  RouteTable& routes_;
  LinkUser& user_;
  TrafficCounters counters_;
  net::LinkSpare spare_;  // before all links
  std::array<Shard, route_shards> shards_;
  std::vector<std::unique_ptr<InstanceLink>> retired_;  // not routed to, answers may still come
};

}  // namespace slipway::routing
