// What becomes of instances by what is seen of them.
#pragma once

#include <chrono>
#include <string>

#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/run_state.h"
#include "engine/fleet/wanted_counts.h"

namespace slipway::fleet {

// An instance that answered for so long was fine: its end is no part of a series of failures.
inline constexpr std::chrono::seconds sound_life{60};
// An instance that was healthy before a restart and does not answer for so long since is not.
inline constexpr std::chrono::seconds silent_max{10};

// Moves each instance of the record on to the phase that what was seen of it says, never back but
// for one that a restart found gone. An instance that ended unasked, did not come up in time or
// stopped answering is a failure of its variant: it is counted, its cause goes into
// RunState::failures, and the next of its like is started later and later.
//
// Of ObservedFleet it changes nothing but when an instance was first seen to run.
class InstancePhases {
 public:
  // All of it outlives this object.
  InstancePhases(RunState& run, FleetEffects& effects, const FleetOptions& options,
                 WantedCounts& counts);

  // Takes note of what was seen of all instances.
  void take_note();
  // Stops what is no longer routed to, once its requests are done or had their time. The routes of
  // before hold what began to drain in this run: they change after its commit.
  void stop_drained();

 private:
  void take_note_of(InstanceRecord& instance);
  void take_note_of_starting(InstanceRecord& instance, const ObservedInstance& seen);
  void take_note_of_healthy(InstanceRecord& instance, const ObservedInstance& seen);
  void take_note_of_end(InstanceRecord& instance, const ObservedInstance& seen);
  void stop_failed(InstanceRecord& instance, std::string cause, const ObservedInstance& seen);
  void count_failure(const InstanceRecord& instance, std::string reason);
  std::chrono::microseconds delay_after_failure(const InstanceRecord& instance,
                                                const std::string& reason, unsigned failures);

  RunState& run_;
  FleetEffects& effects_;
  const FleetOptions& options_;
  WantedCounts& counts_;
};

}  // namespace slipway::fleet
