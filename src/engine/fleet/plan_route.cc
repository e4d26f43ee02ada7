#include "engine/fleet/plan_route.h"

#include <string>
#include <utility>
#include <variant>

namespace slipway::fleet {

namespace {

// What requests find of each kind of serving.
struct ToRoute {
  const routing::ContainerPlace& place;  // of a container
  const routing::GenerationRoute& route;
  std::shared_ptr<routing::ConcurrencyLimiter>& limiter;  // of an elastic variant

  routing::ServingRoute operator()(const SingleModel& kind) const {
    return routing::SingleModelRoute{.balancing = kind.balancing, .at_zero = at_zero_now(kind)};
  }
  // Its loader is found when it is published.
  routing::ServingRoute operator()(const MultiModel& kind) const {
    return routing::MultiModelRoute{.loader = nullptr, .at_zero = at_zero_now(kind)};
  }
  routing::ServingRoute operator()(const SerialContainer& kind) const {
    return routing::SerialContainerRoute{.place = place, .balancing = kind.balancing};
  }
  routing::ServingRoute operator()(const DirectContainer& kind) const {
    return routing::DirectContainerRoute{.place = place, .balancing = kind.balancing};
  }
  routing::ServingRoute operator()(const routing::Elastic& kind) const {
    return routing::ElasticRoute{
        .limits = kind, .request_timeout = route.request_timeout, .limiter = std::move(limiter)};
  }
  routing::ServingRoute operator()(const Machines& /*kind*/) const {
    return routing::MachinesRoute();
  }

 private:
  // As long as an instance is wanted, one may come.
  static AtZero at_zero_now(const auto& kind) {
    return kind.instances == 0 ? kind.at_zero : AtZero::hold;
  }
};

void set_container_count(routing::ServingRoute& serving, std::uint32_t count) {
  std::visit(
      [count](auto& kind) {
        if constexpr (requires { kind.place; }) kind.place.count = count;
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
  const routing::ContainerPlace place{std::string(variant.container()), position, position + 1};
  to.serving = std::visit(ToRoute{place, route, limiter}, variant.serving);
  for (std::size_t i = 0; i <= position; ++i)
    set_container_count(route.variants[route.variants.size() - 1 - i].serving, position + 1);
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
