#include "engine/fleet/place_requests.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/fleet/instance_phases.h"

namespace slipway::fleet {

namespace {

using State = ObservedInstance::State;

}  // namespace

PlaceRequests::PlaceRequests(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                             const FleetOptions& options, const InstanceSpecs& specs)
    : run_(run), effects_(effects), needs_(needs), options_(options), specs_(specs) {}

void PlaceRequests::attend() {
  for (const InstanceRecord& instance : run_.row.record.instances) attend_to(instance);
}

void PlaceRequests::attend_to(const InstanceRecord& instance) {
  const place::InstanceKey key = key_of(run_.id, instance);
  const ObservedInstance& seen = run_.observed.of(key);
  if (instance.is_alive()) return attend_to_living(instance, key, seen);
  if (seen.watched) effects_.unwatch(key);
  // A start that was under way when a former server ended may come through after the place has
  // reported, of an instance that counts as ended since.
  const bool came_late = instance.phase == Phase::ended && seen.state == State::running;
  if ((instance.phase == Phase::stopping || came_late) && !seen.stop_asked) effects_.stop(key);
}

void PlaceRequests::attend_to_living(const InstanceRecord& instance, const place::InstanceKey& key,
                                     const ObservedInstance& seen) {
  if (seen.state == State::running && !seen.watched) {
    const Variant* const variant = run_.plans.variant_of(instance);
    effects_.watch(key, {seen.addresses, variant ? variant->program.contract.probe : NoProbe()},
                   run_.now);
    if (instance.phase == Phase::healthy) run_.wake_at(run_.now + silent_max);
  }
  // Before the place reports, what a former server started looks like what nobody started.
  if (run_.adoption_done && seen.state == State::unknown && !seen.start_asked) start(instance, key);
}

// Waits for the next run where something that it is given is missing on the disk now.
void PlaceRequests::start(const InstanceRecord& instance, const place::InstanceKey& key) {
  const Variant* const variant = run_.plans.variant_of(instance);
  if (variant == nullptr) return;
  const Program& program = variant->program;
  auto spec =
      specs_.of(instance, *variant, run_.row.record.of(instance.generation, instance.variant));
  if (!spec) return;
  const bool many = variant->multi_model() != nullptr && needs_.models != nullptr;
  effects_.start(key, {.spec = *std::move(spec),
                       .models_path = many ? program.contract.models_path : "",
                       .probe = program.contract.probe});
}

void PlaceRequests::end_orphans() {
  FleetRecord& record = run_.row.record;
  std::set<place::InstanceKey> known;
  for (const InstanceRecord& instance : record.instances) known.insert(key_of(run_.id, instance));
  for (const auto& [key, seen] : run_.observed.instances) {
    if (known.contains(key)) continue;
    record.next_ordinal = std::max(record.next_ordinal, ordinal_of(key) + 1);  // used up
    if (seen.watched) effects_.unwatch(key);
    if (seen.state == State::ended)
      effects_.forget(key);
    else if (!seen.stop_asked)
      effects_.stop(key);
  }
}

void PlaceRequests::drop_ended() {
  FleetRow& row = run_.row;
  std::vector<InstanceRecord>& instances = row.record.instances;
  std::map<VariantId, std::size_t> kept;
  for (auto instance = instances.rbegin(); instance != instances.rend(); ++instance) {
    if (instance->phase != Phase::ended) continue;
    const bool matters = !row.removing && (instance->generation == row.wanted ||
                                           row.record.serves(instance->generation));
    if (!matters || ++kept[instance->variant_id()] > options_.ended_kept_max) instance->ordinal = 0;
  }
  std::erase_if(instances, [](const InstanceRecord& instance) { return instance.ordinal == 0; });
}

}  // namespace slipway::fleet
