// Whom requests to a fleet go to.
#pragma once

#include <memory>

#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/run_state.h"
#include "engine/fleet/wanted_counts.h"
#include "engine/routing/routes.h"

namespace slipway::fleet {

// Makes the route of a fleet from its record: a leg for each generation that serves, with its share
// and with those of its instances that are healthy and run. Publishes it where it says something
// else than the one before, and withdraws it where the fleet is being removed.
//
// Changes nothing that is stored. Before the place has reported what a former server left, nothing
// is published: requests are held until it is known what runs.
class RoutePublisher {
 public:
  // All of it outlives this object.
  RoutePublisher(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                 WantedCounts& counts);

  void publish();

 private:
  FleetEffects::NewRoute make_route();
  std::shared_ptr<routing::GenerationRoute> make_leg(Generation generation, const FleetPlan& plan);
  void add_instances(routing::VariantRoute& to, Generation generation, const Variant& variant);

  RunState& run_;
  FleetEffects& effects_;
  const FleetNeeds& needs_;
  WantedCounts& counts_;
};

}  // namespace slipway::fleet
