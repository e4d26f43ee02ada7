#include "engine/fleet/generations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace slipway::fleet {

Generations::Generations(RunState& run, FleetEffects& effects, const FleetOptions& options,
                         const InstanceSpecs& specs, VariantContents& contents,
                         WantedCounts& counts)
    : run_(run),
      effects_(effects),
      options_(options),
      specs_(specs),
      contents_(contents),
      counts_(counts) {}

// ---- The wanted generation ----

void Generations::bring_up() {
  const FleetPlan* const plan = run_.plans.of(row_.wanted);
  if (plan == nullptr || record_.serves(row_.wanted) || row_.wanted == record_.failed) return;
  if (!record_.generations.contains(row_.wanted)) record_.generations[row_.wanted].begun = run_.now;
  if (const auto failure = find_failure(*plan)) return give_up(*failure);
  std::optional<std::string> failure;
  bool all_there = true;
  for (const Variant& variant : plan->variants)
    all_there &= contents_.are_here(row_.wanted, variant,
                                    [&](std::string reason) { failure = std::move(reason); });
  if (failure) return give_up(*failure);
  fill(row_.wanted, *plan);
  if (all_there && is_complete(row_.wanted, *plan)) note_came_up();
}

// Why the wanted generation will not come up, as far as its instances show that.
std::optional<std::string> Generations::find_failure(const FleetPlan& plan) const {
  for (const Variant& variant : plan.variants) {
    if (const auto able = specs_.check(variant); !able) return able.error().message;
    const auto failure = run_.failures.find({row_.wanted, variant.name});
    if (failure == run_.failures.end()) continue;
    const bool too_slow = std::ranges::any_of(record_.instances, [&](const auto& instance) {
      return instance.generation == row_.wanted && instance.phase == Phase::stopping;
    });
    if (too_slow || record_.of(row_.wanted, variant.name).failures >= options_.start_failures_max)
      return failure->second;
  }
  return std::nullopt;
}

void Generations::give_up(const std::string& reason) {
  log_error("fleet", "a generation did not come up", {{"fleet", run_.id.text}, {"reason", reason}});
  fleet::give_up(row_, reason);
}

// All at once, unless somebody shifts its traffic in steps.
void Generations::note_came_up() {
  record_.generations[row_.wanted].came_up = true;
  if (record_.steered == row_.wanted) return;
  settle(row_);
  log_info("fleet", "a generation serves",
           {{"fleet", run_.id.text}, {"generation", fmt::format("{}", row_.wanted)}});
}

// ---- The generations that serve ----

void Generations::keep_serving() {
  for (const auto& [generation, share] : record_.shares)
    if (const FleetPlan* const plan = run_.plans.of(generation)) keep(generation, *plan);
  judge_scaling();
}

void Generations::keep(Generation generation, const FleetPlan& plan) {
  for (const Variant& variant : plan.variants)
    contents_.are_here(generation, variant, [&](const std::string& reason) {
      keep_without_contents(generation, variant, reason);
    });
  fill(generation, plan);
}

// It serves on with the instances that it has; its contents are tried again after a while.
void Generations::keep_without_contents(Generation generation, const Variant& variant,
                                        const std::string& reason) {
  log_error("fleet", reason, {{"fleet", run_.id.text}});
  run_.troubles.push_back(reason);
  if (variant.elastic() != nullptr) effects_.give_up(counts_.limiter(generation, variant), reason);
  if (record_.serves_alone(row_.wanted) && record_.applied_revision != row_.revision)
    fail_scaling(reason);
  VariantRecord& known = record_.of(generation, variant.name);
  known.not_before = std::max(known.not_before, run_.now + options_.restart_delay_max);
  contents_.begin_anew({generation, variant.name});
  run_.wake_at(known.not_before);
}

// What a door changed in place is reached, or tried often enough.
void Generations::judge_scaling() {
  const FleetPlan* const plan = run_.plans.of(row_.wanted);
  if (!record_.serves_alone(row_.wanted) || plan == nullptr) return;
  if (is_complete(row_.wanted, *plan)) {
    record_.applied_revision = row_.revision;
    if (record_.scaling_failed) record_.reason.clear();
    record_.scaling_failed = false;
    return;
  }
  if (record_.applied_revision == row_.revision) return;
  for (const auto& [variant, reason] : run_.failures) {
    if (record_.of(variant.first, variant.second).failures < options_.start_failures_max) continue;
    fail_scaling(reason);
  }
}

void Generations::fail_scaling(const std::string& reason) {
  record_.applied_revision = row_.revision;
  record_.scaling_failed = true;
  record_.reason = last_part(reason, reason_bytes_max);
}

// ---- Counts ----

void Generations::fill(Generation generation, const FleetPlan& plan) {
  for (const Variant& variant : plan.variants) fill(generation, variant);
}

void Generations::fill(Generation generation, const Variant& variant) {
  std::size_t count = record_.living(generation, variant.name);
  const std::size_t wanted = counts_.of(generation, variant);
  if (count > wanted) return shrink(generation, variant, count - wanted);
  if (!contents_.are_known(generation, variant)) return;
  const ServerTime not_before = record_.of(generation, variant.name).not_before;
  if (count < wanted && run_.now < not_before) return run_.wake_at(not_before);
  for (; count < wanted; ++count)
    record_.instances.push_back({.ordinal = record_.next_ordinal++,
                                 .generation = generation,
                                 .variant = variant.name,
                                 .since = run_.now});
}

// The youngest go first, those that are not healthy yet before all.
void Generations::shrink(Generation generation, const Variant& variant, std::size_t surplus) {
  for (const Phase phase : {Phase::starting, Phase::healthy})
    for (auto instance = record_.instances.rbegin();
         surplus > 0 && instance != record_.instances.rend(); ++instance)
      if (instance->generation == generation && instance->variant == variant.name &&
          instance->phase == phase) {
        instance->retire(run_.now);
        --surplus;
      }
}

bool Generations::is_complete(Generation generation, const FleetPlan& plan) const {
  return std::ranges::all_of(plan.variants, [&](const Variant& variant) {
    const std::size_t there = record_.healthy(generation, variant.name);
    const std::size_t wanted = counts_.to_serve(generation, variant);
    return variant.elastic() != nullptr ? there >= wanted : there == wanted;
  });
}

// ---- The others ----

void Generations::retire_others() {
  for (InstanceRecord& instance : record_.instances)
    if (!row_.needs(instance.generation)) instance.retire(run_.now);
  std::erase_if(record_.generations, [&](const auto& entry) {
    const Generation generation = entry.first;
    return generation != row_.wanted && !record_.serves(generation) &&
           std::ranges::none_of(record_.instances, [&](const InstanceRecord& instance) {
             return instance.generation == generation;
           });
  });
}

}  // namespace slipway::fleet
