#include "engine/fleet/wanted_counts.h"

#include <algorithm>

namespace slipway::fleet {

WantedCounts::WantedCounts(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                           const FleetOptions& options, const std::function<void()>& look_again)
    : run_(run), effects_(effects), needs_(needs), options_(options), look_again_(look_again) {}

void WantedCounts::follow_requests() {
  for (const auto& [generation, share] : run_.row.record.shares) {
    const FleetPlan* const plan = run_.plans.of(generation);
    if (plan == nullptr) continue;
    for (const Variant& variant : plan->variants) {
      const routing::Elastic* const elastic = variant.elastic();
      if (elastic == nullptr) continue;
      ObservedDemand& seen = demand(generation, variant);
      const auto next_look =
          follow(seen.aim, *elastic, seen.limiter->look(), options_.idle_time, run_.now);
      if (next_look) run_.wake_at(*next_look);
      effects_.aim(seen.limiter, of(generation, variant) * elastic->requests_per_instance);
    }
  }
}

void WantedCounts::forget_others() {
  std::erase_if(run_.observed.elastic, [&](const auto& elastic) {
    return run_.row.removing || !run_.row.record.serves(elastic.first.first);
  });
}

std::uint32_t WantedCounts::of(Generation generation, const Variant& variant) {
  const std::uint32_t standing = to_serve(generation, variant);
  if (variant.elastic() == nullptr || !run_.row.record.serves(generation)) return standing;
  return std::max(standing, demand(generation, variant).aim.instances);
}

// What takes the place of a generation that serves proves itself with one instance; a first one has
// nobody to let down, and a thousand of them would start a thousand instances for no request.
std::uint32_t WantedCounts::to_serve(Generation generation, const Variant& variant) const {
  const routing::Elastic* const elastic = variant.elastic();
  if (elastic == nullptr) return standing_processes(variant);
  const FleetRecord& record = run_.row.record;
  const std::uint32_t standing = provisioned_instances(*elastic);
  const bool replaces = !record.shares.empty() && !record.serves(generation);
  return replaces ? std::max(standing, 1U) : standing;
}

bool WantedCounts::follows_requests(const InstanceRecord& instance) const {
  const Variant* const variant = run_.plans.variant_of(instance);
  return variant != nullptr && variant->elastic() != nullptr &&
         run_.row.record.serves(instance.generation);
}

void WantedCounts::forget_requests_of(const InstanceRecord& instance) {
  if (!follows_requests(instance)) return;
  ElasticAim& aim = demand(instance.generation, *run_.plans.variant_of(instance)).aim;
  if (aim.instances > 0) --aim.instances;
}

const std::shared_ptr<routing::ConcurrencyLimiter>& WantedCounts::limiter(Generation generation,
                                                                          const Variant& variant) {
  return demand(generation, variant).limiter;
}

// What runs already when this process first looks stays for an idle time.
ObservedDemand& WantedCounts::demand(Generation generation, const Variant& variant) {
  const auto [entry, fresh] = run_.observed.elastic.try_emplace({generation, variant.name});
  ObservedDemand& seen = entry->second;
  if (!fresh) return seen;
  seen.limiter = std::make_shared<routing::ConcurrencyLimiter>(
      needs_.loop.clock(),
      routing::ConcurrencyLimiter::Hooks{.demand = look_again_,
                                         .freed = [&routes = needs_.routes] { routes.nudge(); }});
  const std::size_t living = run_.row.record.living(generation, variant.name);
  seen.aim = {.instances = static_cast<std::uint32_t>(living),
              .until = run_.now + options_.idle_time};
  return seen;
}

}  // namespace slipway::fleet
