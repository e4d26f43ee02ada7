// What a place is asked for.
#pragma once

#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/instance_specs.h"
#include "engine/fleet/run_state.h"

namespace slipway::fleet {

// Asks the place and the prober for what the phases of instances say: what is to run is started and
// watched, what is to end is stopped, and what ended is forgotten after a while.
//
// Each request is an effect, and is asked for again by every run until ObservedFleet says that it
// was made. Of the record it changes only which ended instances it still holds, and that no ordinal
// is used again that the place has seen.
class PlaceRequests {
 public:
  // All of it outlives this object.
  PlaceRequests(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                const FleetOptions& options, const InstanceSpecs& specs);

  // Asks for what each instance of the record needs.
  void attend();
  // Ends what runs under a key of this fleet and stands in no record: a start whose note was lost,
  // or a fleet that was removed meanwhile.
  void end_orphans();
  // Ended instances of a generation that still matters are kept for their logs, a few of each
  // variant; what is dropped from the record is an orphan, and end_orphans() forgets it.
  void drop_ended();

 private:
  void attend_to(const InstanceRecord& instance);
  void attend_to_living(const InstanceRecord& instance, const place::InstanceKey& key,
                        const ObservedInstance& seen);
  void start(const InstanceRecord& instance, const place::InstanceKey& key);

  RunState& run_;
  FleetEffects& effects_;
  const FleetNeeds& needs_;
  const FleetOptions& options_;
  const InstanceSpecs& specs_;
};

}  // namespace slipway::fleet
