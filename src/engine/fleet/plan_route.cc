#include "engine/fleet/plan_route.h"

namespace slipway::fleet {

routing::VariantRoute::Use use_of(const Variant& variant) {
  if (variant.offers) return routing::VariantRoute::Use::offered;
  const bool refuses = variant.instances == 0 && variant.at_zero == AtZero::refuse;
  return refuses ? routing::VariantRoute::Use::at_zero : routing::VariantRoute::Use::serves;
}

void take_settings(routing::GenerationRoute& route, const FleetPlan& plan) {
  route.request_timeout = plan.request_timeout;
  route.part_border = plan.part_border;
  route.access = plan.access;
  route.writers = plan.writers;
  route.shadow_share = shadow_share(plan);
  if (plan.capture) route.capture = std::make_shared<const routing::CapturePlan>(*plan.capture);
}

// A variant's containers stand next to each other in the plan, and so in the route.
routing::VariantRoute& add_route(routing::GenerationRoute& route, const Variant& variant) {
  std::uint32_t position = 0;
  if (!route.variants.empty() && route.variants.back().name == variant.variant())
    position = route.variants.back().position + 1;
  routing::VariantRoute& to = route.variants.emplace_back();
  to.name = variant.variant();
  to.weight = variant.weight;
  to.routing = variant.routing;
  to.use = use_of(variant);
  to.execution = variant.execution;
  to.container = variant.container;
  to.audience = variant.audience;
  to.position = position;
  for (std::size_t i = 0; i <= position; ++i)
    route.variants[route.variants.size() - 1 - i].containers = position + 1;
  return to;
}

double shadow_share(const FleetPlan& plan) {
  double shadow = 0;
  double others = 0;
  std::string_view before;
  for (const Variant& variant : plan.variants) {
    if (variant.variant() == before) continue;  // one more container
    (variant.audience == routing::Audience::shadow ? shadow : others) += variant.weight;
    before = variant.variant();
  }
  if (shadow <= 0) return 0;
  return others <= shadow ? 1 : shadow / others;
}

}  // namespace slipway::fleet
