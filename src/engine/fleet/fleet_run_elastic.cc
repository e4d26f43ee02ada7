// What FleetRun does about elastic variants.
#include <algorithm>

#include "engine/fleet/fleet_run.h"

namespace slipway::fleet {

// Only what serves has a demand.
void FleetRun::follow_demand() {
  for (const auto& [generation, share] : record_.shares) {
    const FleetPlan* const plan = plans_.of(generation);
    if (plan == nullptr) continue;
    for (const Variant& variant : plan->variants) {
      if (!variant.elastic) continue;
      ObservedDemand& observed = observed_demand(generation, variant);
      const auto next_look = follow(observed.aim, *variant.elastic, observed.limiter->look(),
                                    options_.idle_time, now_);
      if (next_look) wake_at(*next_look);
      effects_.aim(observed.limiter,
                   wanted_count(generation, variant) * variant.elastic->requests_per_instance);
    }
  }
}

// What runs already when this process first looks stays for an idle time.
ObservedDemand& FleetRun::observed_demand(Generation generation, const Variant& variant) {
  const auto [entry, fresh] = observed_.elastic.try_emplace({generation, variant.name});
  ObservedDemand& observed = entry->second;
  if (!fresh) return observed;
  observed.limiter = std::make_shared<routing::ConcurrencyLimiter>(
      needs_.loop.clock(),
      routing::ConcurrencyLimiter::Hooks{.demand = look_again_,
                                         .freed = [&routes = needs_.routes] { routes.nudge(); }});
  observed.aim = {.instances = static_cast<std::uint32_t>(living(generation, variant.name)),
                  .until = now_ + options_.idle_time};
  return observed;
}

std::uint32_t FleetRun::wanted_count(Generation generation, const Variant& variant) {
  const std::uint32_t standing = count_to_serve(generation, variant);
  if (!variant.elastic || !record_.serves(generation)) return standing;
  return std::max(standing, observed_demand(generation, variant).aim.instances);
}

// What takes the place of a generation that serves proves itself with one instance; a first one has
// nobody to let down, and a thousand of them would start a thousand instances for no request.
std::uint32_t FleetRun::count_to_serve(Generation generation, const Variant& variant) const {
  if (!variant.elastic) return variant.instances_to_run();
  const std::uint32_t standing = provisioned_instances(*variant.elastic);
  const bool replaces = !record_.shares.empty() && !record_.serves(generation);
  return replaces ? std::max(standing, 1U) : standing;
}

bool FleetRun::stood_for_demand(const InstanceRecord& instance) const {
  const Variant* variant = variant_of(instance);
  return variant != nullptr && variant->elastic && record_.serves(instance.generation);
}

// Of an instance that is alive here and ended with a former server: the requests that it stood for
// went with that server. Those that always stand are filled up with new ones.
void FleetRun::forget_demand_of(const InstanceRecord& instance) {
  if (!stood_for_demand(instance)) return;
  ElasticAim& aim = observed_demand(instance.generation, *variant_of(instance)).aim;
  if (aim.instances > 0) --aim.instances;
}

// The first failure is mended at once, further ones later and later; of an elastic variant only a
// little later, since it is its requests that ask for each try.
std::chrono::microseconds FleetRun::delay_after_failure(const InstanceRecord& instance,
                                                        const std::string& reason,
                                                        unsigned failures) {
  const unsigned doublings = std::min(failures, 20U);
  const microseconds delay =
      doublings < 2 ? microseconds(0) : options_.restart_delay_min * (1LL << (doublings - 2));
  const Variant* variant = variant_of(instance);
  if (variant == nullptr || !variant->elastic || !record_.serves(instance.generation))
    return std::min<microseconds>(delay, options_.restart_delay_max);
  if (instance.phase == Phase::starting && failures >= options_.start_failures_max)
    effects_.give_up(observed_demand(instance.generation, *variant).limiter, reason);
  return std::min<microseconds>(delay, elastic_restart_delay_max);
}

std::shared_ptr<const routing::ElasticRoute> FleetRun::elastic_route(
    Generation generation, const Variant& variant, std::chrono::milliseconds request_timeout) {
  return std::make_shared<const routing::ElasticRoute>(
      routing::ElasticRoute{.limits = *variant.elastic,
                            .request_timeout = request_timeout,
                            .limiter = observed_demand(generation, variant).limiter});
}

}  // namespace slipway::fleet
