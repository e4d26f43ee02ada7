// One reconcile of one fleet: reads what is stored and seen, decides the next steps, writes what it
// knows now, and adds what is to be done for it.
#pragma once

#include <functional>

#include "base/clock.h"
#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/generations.h"
#include "engine/fleet/instance_phases.h"
#include "engine/fleet/instance_specs.h"
#include "engine/fleet/observed_fleet.h"
#include "engine/fleet/place_requests.h"
#include "engine/fleet/route_publisher.h"
#include "engine/fleet/run_state.h"
#include "engine/fleet/variant_contents.h"
#include "engine/fleet/wanted_counts.h"

namespace slipway::fleet {

// While something is under way, a look this often costs little and would mend what was missed.
inline constexpr std::chrono::seconds look_again{30};

// The order of the steps, each of which sees what those before decided: what was seen moves
// instances from phase to phase; the wanted generation comes up, those that serve keep their
// counts, all others end; routes follow; the place is asked for what the phases say.
//
// Lives for the length of one Reconciler::reconcile().
class FleetRun {
 public:
  struct Around {
    const FleetNeeds& needs;
    const FleetOptions& options;
    bool adoption_done;
    std::function<void()> look_again;  // wakes this fleet, from any thread
  };
  FleetRun(const Around& around, const FleetId& id, ObservedFleet& observed, FleetEffects& effects,
           store::Transaction& tx, const Moment& now);
  FleetRun(const FleetRun&) = delete;  // its steps hold its state
  FleetRun& operator=(const FleetRun&) = delete;

  engine::Wake run();

 private:
  engine::Wake run_without_row();
  void steps();
  bool is_settled() const;
  void save(const FleetRecord& before, const FleetStatus& status_before);

  RunState run_;
  FleetEffects& effects_;
  store::Transaction& tx_;
  const Timestamp civil_now_;  // for what is shown

  WantedCounts counts_;
  InstanceSpecs specs_;
  VariantContents contents_;
  InstancePhases phases_;
  Generations generations_;
  RoutePublisher publisher_;
  PlaceRequests place_requests_;
};

}  // namespace slipway::fleet
