#include "engine/fleet/route_publisher.h"

#include <utility>

#include "engine/fleet/plan_route.h"

namespace slipway::fleet {

RoutePublisher::RoutePublisher(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                               WantedCounts& counts)
    : run_(run), effects_(effects), needs_(needs), counts_(counts) {}

void RoutePublisher::publish() {
  const routing::FleetRoute* const published = run_.observed.published.get();
  if (run_.row.removing) {
    if (published != nullptr) effects_.withdraw(run_.id);
    return;
  }
  if (!run_.adoption_done) return;
  FleetEffects::NewRoute fresh = make_route();
  if (published != nullptr && fresh.route == *published) return;
  effects_.publish(run_.id, std::move(fresh));
}

FleetEffects::NewRoute RoutePublisher::make_route() {
  FleetEffects::NewRoute fresh;
  for (const auto& [generation, share] : run_.row.record.shares) {
    const FleetPlan* const plan = run_.plans.of(generation);
    if (plan == nullptr) continue;
    fresh.route.legs.push_back({.share = share, .route = make_leg(generation, *plan)});
    if (needs_.models == nullptr) continue;
    for (std::size_t i = 0; i < plan->variants.size(); ++i)
      if (const MultiModel* const multi = plan->variants[i].multi_model())
        fresh.many_models.push_back(
            {fresh.route.legs.size() - 1, i, plan->variants[i].name, multi->models});
  }
  return fresh;
}

std::shared_ptr<routing::GenerationRoute> RoutePublisher::make_leg(Generation generation,
                                                                   const FleetPlan& plan) {
  auto route = std::make_shared<routing::GenerationRoute>();
  route->generation = generation;
  take_settings(*route, plan);
  for (const Variant& variant : plan.variants) {
    routing::VariantRoute& to =
        add_route(*route, variant,
                  variant.elastic() != nullptr ? counts_.limiter(generation, variant) : nullptr);
    add_instances(to, generation, variant);
    if (!to.instances.empty() && to.is_first() && to.audience == routing::Audience::callers)
      route->weight_total += to.weight;
  }
  return route;
}

void RoutePublisher::add_instances(routing::VariantRoute& to, Generation generation,
                                   const Variant& variant) {
  for (const InstanceRecord& instance : run_.row.record.instances) {
    if (instance.generation != generation || instance.variant != variant.name ||
        instance.phase != Phase::healthy)
      continue;
    place::InstanceKey key = key_of(run_.id, instance);
    const ObservedInstance& seen = run_.observed.of(key);
    if (seen.state != ObservedInstance::State::running) continue;
    to.instances.push_back(std::make_shared<routing::InstanceRoute>(
        std::move(key), seen.addresses, variant.program.contract.request));
  }
}

}  // namespace slipway::fleet
