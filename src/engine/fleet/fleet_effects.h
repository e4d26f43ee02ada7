// What a FleetRun has done outside of the store.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/environments/environments.h"
#include "engine/fleet/decisions.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/observed_fleet.h"
#include "engine/fleet/record.h"
#include "engine/reconciler.h"

namespace slipway::fleet {

// How much of what an instance printed is quoted where it failed.
inline constexpr std::size_t quoted_bytes_max = reason_bytes_max;

// The end of a log as it may stand in an answer: printable text of at most `quoted_bytes_max`.
std::string quotable(std::string log);

// As the door labels them; none where nobody does.
place::Labels instance_labels(const FleetOptions& options, const FleetId& id,
                              const InstanceRecord& instance);
place::Labels package_labels(const FleetOptions& options, const FleetId& id, Generation generation,
                             const std::string& variant);

// Each function adds one effect: it is done once what the run decided is durable, and what is
// observed of it is noted then, so that a run whose commit was lost asks for it again.
class FleetEffects {
 public:
  // All of it outlives the effects.
  struct Around {
    const FleetNeeds& needs;
    const FleetOptions& options;
    // Takes the outcome of a fetch from any thread.
    std::function<void(FetchReport)> fetched;
    std::function<void()> look_again;  // wakes the fleet
    // Is told how an instance is to be probed, before the place is asked to start it.
    std::function<void(const place::InstanceKey&, Probe)> starting;
    DecisionBook& decisions;
  };
  FleetEffects(const Around& around, ObservedFleet& observed, engine::Effects& effects)
      : around_(around), needs_(around.needs), observed_(observed), effects_(effects) {}

  struct Start {
    place::InstanceSpec spec;
    std::string models_path;  // where it sees the folder that its models will lie in; empty: none
    Probe probe;
  };
  void start(const place::InstanceKey& key, Start start);
  void stop(const place::InstanceKey& key);
  // Of an instance that ended: nothing is left of it.
  void forget(const place::InstanceKey& key);
  void watch(const place::InstanceKey& key, ProbedAt probed, ServerTime now);
  void unwatch(const place::InstanceKey& key);

  // `known`: the content that it came to before; empty: it was never here.
  void fetch(const FetchId& id, const artifacts::Artifact& artifact, const std::string& known,
             ServerTime now);
  void prepare(const FetchId& id, environments::EnvironmentNeed need, ServerTime now);

  // A route as it is decided. Its instances are no more than their descriptions: those that are
  // asked are made by the table when it is published, since one that is made and dropped tells that
  // it is drained.
  struct NewRoute {
    // A variant whose requests name one of many models.
    struct ManyModels {
      std::size_t leg = 0;
      std::size_t place = 0;  // among the leg's variants
      std::string variant;    // its name in the plan
      residency::ModelCollection collection;
    };
    routing::FleetRoute route;
    std::vector<ManyModels> many_models;
  };
  void publish(const FleetId& id, NewRoute fresh);
  void withdraw(const FleetId& id);

  void aim(std::shared_ptr<routing::ConcurrencyLimiter> limiter, std::uint32_t requests);
  void give_up(std::shared_ptr<routing::ConcurrencyLimiter> limiter, const std::string& reason);
  void tell_changed(const FleetId& id);
  // Says for who asks why what was decided, which was not where the commit is lost.
  void note(const FleetId& id, Timestamp at, std::vector<std::string> decisions);

 private:
  const Around& around_;
  const FleetNeeds& needs_;
  ObservedFleet& observed_;
  engine::Effects& effects_;
};

}  // namespace slipway::fleet
