// What of a plan stands in the route that is made from it.
#pragma once

#include "engine/fleet/plan.h"
#include "engine/routing/routes.h"

namespace slipway::fleet {

// What becomes of the variant's requests.
routing::VariantRoute::Use use_of(const Variant& variant);

// Sets what the whole fleet has.
void take_settings(routing::FleetRoute& route, const FleetPlan& plan);

// Adds a variant, without its instances, behind those of the plan that stand before it.
routing::VariantRoute& add_route(routing::FleetRoute& route, const Variant& variant);

// FleetRoute::shadow_share of a plan: the shadow's weight over what those have that answer.
double shadow_share(const FleetPlan& plan);

}  // namespace slipway::fleet
