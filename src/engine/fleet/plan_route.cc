#include "engine/fleet/plan_route.h"

#include <utility>
#include <variant>

namespace slipway::fleet {

namespace {

AtZero at_zero_of(const Variant& variant) {
  return variant.instances == 0 ? variant.at_zero : AtZero::hold;
}

routing::ServingRoute serving_of(const Variant& variant, const routing::ContainerPlace& place) {
  if (variant.offers) return routing::MachinesRoute();
  if (variant.program.models)
    return routing::MultiModelRoute{.loader = nullptr, .at_zero = at_zero_of(variant)};
  if (variant.execution == routing::Execution::serial)
    return routing::SerialContainerRoute{.place = place, .balancing = variant.routing};
  if (variant.execution == routing::Execution::direct)
    return routing::DirectContainerRoute{.place = place, .balancing = variant.routing};
  return routing::SingleModelRoute{.balancing = variant.routing, .at_zero = at_zero_of(variant)};
}

void set_count(routing::ServingRoute& serving, std::uint32_t containers) {
  std::visit(
      [containers](auto& kind) {
        if constexpr (requires { kind.place; }) kind.place.count = containers;
      },
      serving);
}

}  // namespace

void take_settings(routing::GenerationRoute& route, const FleetPlan& plan) {
  route.request_timeout = plan.request_timeout;
  route.part_border = plan.part_border;
  route.access = plan.access;
  route.writers = plan.writers;
  route.shadow_share = shadow_share(plan);
  if (plan.capture) route.capture = std::make_shared<const routing::CapturePlan>(*plan.capture);
}

// A variant's containers stand next to each other in the plan, and so in the route.
routing::VariantRoute& add_route(routing::GenerationRoute& route, const Variant& variant,
                                 std::shared_ptr<routing::ConcurrencyLimiter> limiter) {
  std::uint32_t position = 0;
  if (!route.variants.empty() && route.variants.back().name == variant.variant())
    if (const auto* const before = routing::container_of(route.variants.back().serving))
      position = before->position + 1;
  routing::VariantRoute& to = route.variants.emplace_back();
  to.name = variant.variant();
  to.weight = variant.weight;
  to.audience = variant.audience;
  if (variant.elastic)
    to.serving = routing::ElasticRoute{.limits = *variant.elastic,
                                       .request_timeout = route.request_timeout,
                                       .limiter = std::move(limiter)};
  else
    to.serving = serving_of(variant, {variant.container, position, position + 1});
  for (std::size_t i = 0; i <= position; ++i)
    set_count(route.variants[route.variants.size() - 1 - i].serving, position + 1);
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
