// A whole fleet engine in one thread: simulated place, health and artifacts, a real store, and a
// server that can be killed between any two of its effects. For tests, and for trying a policy on
// yesterday's traffic.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/commit_faults.h"
#include "engine/fleet/fleet_reconciler.h"
#include "engine/reconciler.h"
#include "place/simulated/crashing_place.h"
#include "place/simulated/simulated_place.h"

namespace slipway::fleet {

// Health as the simulated machine has it.
class SimulatedProber final : public Prober {
 public:
  SimulatedProber(const place::SimulatedMachine& machine, place::CrashPoint& crash, HealthSink sink)
      : machine_(machine), crash_(crash), sink_(std::move(sink)) {}

  // Nothing of it lasts, so there is no crash before or after it; and it is called outside of
  // reconciles too.
  void watch(const place::InstanceKey& key, const ProbedAt&) override {
    if (crash_.reached()) return;
    watched_.try_emplace(key, false);
  }
  void unwatch(const place::InstanceKey& key) override { watched_.erase(key); }
  // Reports what changed.
  void advance();

 private:
  const place::SimulatedMachine& machine_;
  place::CrashPoint& crash_;
  HealthSink sink_;
  std::map<place::InstanceKey, bool> watched_;
};

// Artifacts that arrive after a while, or do not. What the disk holds outlives a server; that it is
// there each server asks anew.
class SimulatedArtifacts final : public artifacts::Artifacts {
 public:
  SimulatedArtifacts(const Clock& clock, Random& random, place::CrashPoint& crash)
      : clock_(clock), random_(random), crash_(crash) {}

  double fails = 0;  // chance of a fetch

  void fetch(const artifacts::Artifact& artifact, artifacts::FetchDone done) override;
  void fetch_again(const artifacts::Artifact& artifact, const std::string& content,
                   artifacts::FetchDone done) override;
  std::optional<std::filesystem::path> find(const std::string& content) override {
    if (!arrived_) return std::nullopt;
    return std::filesystem::path("/simulated/artifacts") / content;
  }
  void advance();
  std::optional<Instant> next_due() const;

 private:
  struct Fetch {
    Instant at;
    artifacts::Artifact artifact;
    artifacts::FetchDone done;
    bool is_here = false;
  };

  const Clock& clock_;
  Random& random_;
  place::CrashPoint& crash_;
  std::vector<Fetch> fetches_;
  bool arrived_ = false;
};

// Environments that are prepared after a while, or cannot be. What the disk holds outlives a
// server; that it is there each server asks anew.
class SimulatedEnvironments final : public environments::Environments {
 public:
  SimulatedEnvironments(const Clock& clock, Random& random, place::CrashPoint& crash)
      : clock_(clock), random_(random), crash_(crash) {}

  bool fails = false;

  void prepare(environments::EnvironmentNeed need, artifacts::FetchDone done) override;
  std::optional<std::filesystem::path> find(const std::string& content) override {
    if (!prepared_) return std::nullopt;
    return std::filesystem::path("/simulated/environments") / content;
  }
  std::string doing(const std::string&) const override { return ""; }
  void advance();
  std::optional<Instant> next_due() const;

 private:
  const Clock& clock_;
  Random& random_;
  place::CrashPoint& crash_;
  std::multimap<Instant, artifacts::FetchDone> asked_;
  bool prepared_ = false;
};

// One simulated world. The store outlives servers; so does the machine.
class Simulation {
 public:
  // `store` outlives this object and has fleet's tables.
  Simulation(store::Store& store, std::uint64_t seed, FleetOptions options);
  ~Simulation();

  ManualClock& clock() { return clock_; }
  Random& random() { return random_; }
  place::SimulatedMachine& machine() { return machine_; }
  place::CrashPoint& crash_point() { return crash_; }
  routing::RouteTable& routes() { return server_->routes; }
  engine::Changes& changes() { return server_->changes; }
  Fleets& fleets() { return server_->fleets; }
  void set_fetch_fails(double chance);
  std::set<std::string>& unreadable() { return unreadable_; }
  void set_environments_fail(bool fail);
  // What becomes of the commits of reconciles.
  engine::CommitFaults& commit_faults() { return commit_faults_; }

  // The server ends, whatever it was doing, and another starts on the same store and machine.
  void crash_and_restart();
  // Lets everything that is due now happen; false where nothing was.
  bool step();
  // Moves the clock to when something is due next, at most to `until`; false where nothing will be.
  bool move_on(Instant until);
  // Steps and moves on until nothing happens any more or `span` has passed. `each` runs after every
  // step.
  void run(std::chrono::microseconds span, const std::function<void()>& each = [] {});

  FleetStatus status(const FleetId& id);
  // Null: the fleet is not routed.
  std::shared_ptr<const routing::FleetRoute> fleet_route(const FleetId& id);
  // Of a fleet of which one generation serves, or none: what reaches its instances. Null: the fleet
  // is not routed.
  std::shared_ptr<const routing::GenerationRoute> route(const FleetId& id);

 private:
  struct Server {
    explicit Server(Simulation& world);

    engine::Changes changes;
    engine::ReconcilerLoop loop;
    routing::RouteTable routes;
    place::CrashingPlace place;
    SimulatedProber prober;
    SimulatedArtifacts artifacts;
    SimulatedEnvironments environments;
    FleetReconciler reconciler;
    Fleets fleets;
  };

  store::Store& store_;
  const FleetOptions options_;
  ManualClock clock_;
  SeededRandom random_;
  place::SimulatedMachine machine_;
  place::CrashPoint crash_;
  double fetch_fails_ = 0;
  std::set<std::string> unreadable_;  // URIs that their readers may not read now
  bool environments_fail_ = false;
  engine::CommitFaults commit_faults_{random_, clock_};
  std::unique_ptr<Server> server_;
};

}  // namespace slipway::fleet
