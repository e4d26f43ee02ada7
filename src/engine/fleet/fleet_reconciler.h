// Makes each fleet be what its plan says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/fleet/fleet.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/prober.h"
#include "engine/reconciler.h"
#include "place/place.h"

namespace slipway::fleet {

class DecisionBook;

// Starts what is missing, retires what is too many, replaces what died or stopped answering (1 s
// doubling to 60 s between tries), and publishes a new routing snapshot whenever the set of healthy
// instances changed. A new generation comes up beside the old; when all of it is healthy the routes
// move in one step, the old drains and ends. One that fails leaves the old as it was.
//
// A function of (stored plan, observations, now): it may run at any time, twice, or after a crash.
// Every start carries the key fleet/<id>/<generation>/<variant>/<ordinal>, and an ordinal is never
// used again, so a start repeated after a crash finds the instance that already runs.
class FleetReconciler final : public engine::Reconciler {
 public:
  // Everything outlives this object, but nothing may report to it any more when it goes: end the
  // loop, the prober's loop, the place and the artifacts' workers first. Adds itself to `loop`.
  FleetReconciler(FleetNeeds needs, FleetOptions options);
  ~FleetReconciler() override;

  // From any thread: what the place, the prober and the route table report. Each wakes its fleet.
  void observe(place::Observation observation);
  void observe(HealthReport report);
  void observe_drained(const place::InstanceKey& key);

  // From any thread: a door changed this fleet (the hook of Fleets). Tells Changes too.
  void wake(const FleetId& id);

  // The last decisions about each fleet, for who asks why.
  const DecisionBook& decisions() const;

  std::string_view name() const override { return "fleet"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  void start_with(const std::vector<std::string>& keys) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::fleet
