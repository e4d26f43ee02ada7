// What of a plan stands in the route that is made from it.
#pragma once

#include <memory>

#include "engine/fleet/plan.h"
#include "engine/routing/concurrency_limiter.h"
#include "engine/routing/routes.h"

namespace slipway::fleet {

// Sets what all variants of the plan have in common.
void take_settings(routing::GenerationRoute& route, const FleetPlan& plan);

// Adds a variant, without its instances, behind those of the plan that stand before it. `limiter`
// counts the requests of an elastic one; of others it is null.
routing::VariantRoute& add_route(routing::GenerationRoute& route, const Variant& variant,
                                 std::shared_ptr<routing::ConcurrencyLimiter> limiter = nullptr);

// GenerationRoute::shadow_share of a plan: the shadow's weight over what those have that answer.
double shadow_share(const FleetPlan& plan);

}  // namespace slipway::fleet
