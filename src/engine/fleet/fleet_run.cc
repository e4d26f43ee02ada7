#include "engine/fleet/fleet_run.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace slipway::fleet {

namespace {

FleetStatus without_counts(FleetStatus status) {
  for (VariantStatus& variant : status.variants) {
    variant.instances_current = 0;
    for (VariantStatus::InGeneration& in : variant.generations) in.instances_current = 0;
  }
  return status;
}

// Whether more changed than how many instances serve: these come and go with demand and with
// their failures.
bool is_another(FleetStatus status, FleetStatus before) {
  return without_counts(std::move(status)) != without_counts(std::move(before));
}

}  // namespace

FleetRun::FleetRun(const Around& around, const FleetId& id, ObservedFleet& observed,
                   FleetEffects& effects, store::Transaction& tx, const Moment& now)
    : run_{.id = id,
           .now = now.server,
           .adoption_done = around.adoption_done,
           .observed = observed},
      effects_(effects),
      tx_(tx),
      civil_now_(now.civil),
      counts_(run_, effects, around.needs, around.options, around.look_again),
      specs_(id, around.needs, around.options),
      contents_(run_, effects, around.needs, specs_, counts_, tx),
      phases_(run_, effects, around.options, counts_),
      generations_(run_, effects, around.options, specs_, contents_, counts_),
      publisher_(run_, effects, around.needs, counts_),
      place_requests_(run_, effects, around.needs, around.options, specs_) {}

engine::Wake FleetRun::run() {
  auto row = load_row(tx_, run_.id);
  if (!row) return run_without_row();
  run_.row = *std::move(row);
  run_.plans = load_plans(tx_, run_.id, run_.row);
  const FleetRecord before = run_.row.record;
  const FleetStatus status_before = status_of(run_.row, run_.plans);
  steps();
  if (run_.row.removing && run_.row.record.instances.empty()) {
    erase_fleet(tx_, run_.id);
    effects_.note(run_.id, civil_now_, {"Nothing of it is left: it is removed."});
    effects_.tell_changed(run_.id);
  } else {
    save(before, status_before);
  }
  return run_.wake;
}

// Whatever still runs of it ends.
engine::Wake FleetRun::run_without_row() {
  if (run_.observed.published) effects_.withdraw(run_.id);
  run_.observed.fetches.clear();
  run_.observed.elastic.clear();
  place_requests_.end_orphans();
  return run_.wake;
}

void FleetRun::steps() {
  phases_.take_note();
  contents_.forget_unneeded();
  if (!run_.row.removing) {
    generations_.bring_up();
    counts_.follow_requests();
    generations_.keep_serving();
  }
  generations_.retire_others();
  counts_.forget_others();
  keep_plans(tx_, run_.id, run_.row);
  publisher_.publish();
  phases_.stop_drained();
  place_requests_.drop_ended();
  place_requests_.attend();
  place_requests_.end_orphans();
  if (!is_settled()) run_.wake = run_.wake.sooner(engine::Wake::after(look_again));
}

// Whether nothing is under way.
bool FleetRun::is_settled() const {
  const FleetRow& row = run_.row;
  const bool reached = row.record.serves_alone(row.wanted) || row.record.failed == row.wanted;
  return reached && std::ranges::all_of(row.record.instances, [](const InstanceRecord& instance) {
           return instance.phase == Phase::healthy || instance.phase == Phase::ended;
         });
}

// Writes what the steps decided, and tells it to who waits for the fleet and to who asks why.
void FleetRun::save(const FleetRecord& before, const FleetStatus& status_before) {
  FleetRecord& record = run_.row.record;
  const FleetStatus status = status_of(run_.row, run_.plans);
  if (is_another(status, status_before)) record.changed_at = civil_now_;
  save_record(tx_, run_.id, before, run_.row);
  std::vector<std::string> decisions = decisions_of(before, run_.row, run_.failures);
  decisions.insert(decisions.end(), run_.troubles.begin(), run_.troubles.end());
  effects_.note(run_.id, civil_now_, std::move(decisions));
  if (status != status_before || record.changed_at != before.changed_at)
    effects_.tell_changed(run_.id);
}

}  // namespace slipway::fleet
