// Which generations live, and with how many instances.
#pragma once

#include <optional>
#include <string>

#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/instance_specs.h"
#include "engine/fleet/run_state.h"
#include "engine/fleet/variant_contents.h"
#include "engine/fleet/wanted_counts.h"

namespace slipway::fleet {

// Brings up the generation that is wanted, keeps those that serve at their counts, and lets the
// instances of all others end.
//
// A generation has come up once every instance of it is healthy, and then gets all of the traffic,
// unless somebody shifts it in steps (Fleets::set_shares). It is given up, for a reason that is
// told, where it cannot run here, where its contents cannot be had, or where one of its variants
// fails too often or too slowly; what serves is never given up for a failure.
//
// Decides on the record alone: adds instances as `starting`, retires them, and writes which
// generation came up, serves or failed. Nothing is started here (PlaceRequests does that).
class Generations {
 public:
  // All of it outlives this object.
  Generations(RunState& run, FleetEffects& effects, const FleetOptions& options,
              const InstanceSpecs& specs, VariantContents& contents, WantedCounts& counts);

  void bring_up();
  void keep_serving();
  // Begins the end of every instance that no living generation needs, and forgets the generations
  // that have none left.
  void retire_others();

 private:
  std::optional<std::string> find_failure(const FleetPlan& plan) const;
  void give_up(const std::string& reason);
  void note_came_up();

  void keep(Generation generation, const FleetPlan& plan);
  void keep_without_contents(Generation generation, const Variant& variant,
                             const std::string& reason);
  void judge_scaling();
  void fail_scaling(const std::string& reason);

  void fill(Generation generation, const FleetPlan& plan);
  void fill(Generation generation, const Variant& variant);
  void shrink(Generation generation, const Variant& variant, std::size_t surplus);
  bool is_complete(Generation generation, const FleetPlan& plan) const;

  RunState& run_;
  FleetRow& row_ = run_.row;
  FleetRecord& record_ = row_.record;
  FleetEffects& effects_;
  const FleetOptions& options_;
  const InstanceSpecs& specs_;
  VariantContents& contents_;
  WantedCounts& counts_;
};

}  // namespace slipway::fleet
