// What the steps of one reconcile of a fleet have in common.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/fleet/decisions.h"
#include "engine/fleet/observed_fleet.h"
#include "engine/fleet/record.h"
#include "engine/reconciler.h"

namespace slipway::fleet {

// A fleet in the hands of a reconcile: how it is stored, what was seen of it, and what the steps
// have found so far. Lives for the length of one reconcile (FleetRun), on its thread.
struct RunState {
  const FleetId& id;
  const ServerTime now;
  const bool adoption_done;  // the place has reported all that a former server left running
  ObservedFleet& observed;   // what was asked for is noted by effects, after the commit

  FleetRow row = {};  // steps change its record, which is written when all are done
  Plans plans = {};   // of the row
  engine::Wake wake = engine::Wake::never();

  InstanceFailures failures = {};          // of this run
  std::vector<std::string> troubles = {};  // of this run, beside the failures of instances

  // Has the fleet looked at again at that time, or before.
  void wake_at(ServerTime time) { wake = wake.sooner(engine::Wake::after(time - now)); }
};

}  // namespace slipway::fleet
