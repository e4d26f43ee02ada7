// What of a plan stands in the route that is made from it.
#pragma once

#include "engine/fleet/plan.h"
#include "engine/fleet/routes.h"

namespace slipway::fleet {

// What becomes of the variant's requests.
VariantRoute::Use use_of(const Variant& variant);

// Sets what the whole fleet has.
void take_settings(FleetRoute& route, const FleetPlan& plan);

// Adds a variant, without its instances, behind those of the plan that stand before it.
VariantRoute& add_route(FleetRoute& route, const Variant& variant);

// FleetRoute::shadow_share of a plan: the shadow's weight over what those have that answer.
double shadow_share(const FleetPlan& plan);

}  // namespace slipway::fleet
