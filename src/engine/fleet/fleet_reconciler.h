// Makes each fleet be what its plan says.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/artifacts/artifact.h"
#include "engine/changes.h"
#include "engine/environments/environments.h"
#include "engine/fleet/fleet.h"
#include "engine/fleet/prober.h"
#include "engine/reconciler.h"
#include "engine/routing/routes.h"
#include "place/place.h"

namespace slipway::residency {
class ModelKeeper;
}

namespace slipway::fleet {

class DecisionBook;

// How a built-in image runs as a program of this host: argv and environment before what the plan
// adds. The reconciler appends "--model-dir DIR --http-socket http.sock", and for a framed link
// "--link-socket link.sock".
struct BuiltInProgram {
  // How it takes requests: our own model server has a framed link beside HTTP.
  enum class Front : std::uint8_t { http_and_link, http };
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  Front front = Front::http_and_link;
  std::vector<place::Mount> mounts = {};  // what it needs beside the model
  // Whether it is given an environment (environments.h), by "--environment DIR", where its model
  // needs one.
  enum class Packages : std::uint8_t { its_own, prepared };
  Packages packages = Packages::its_own;
};

// What an instance is started with so that it may act as somebody (Program::acts_as): variables of
// its environment, secret to it. The same for the same instance, also after a restart.
using Credentials = std::function<std::map<std::string, std::string>(const place::InstanceKey& key,
                                                                     std::string_view acts_as)>;

// What runs for a variant, as its door is asked to label it.
struct InstanceName {
  enum class Kind : std::uint8_t {
    instance,
    packages,  // what installs for it
  };
  FleetId fleet;
  Generation generation = 0;
  std::string variant = {};
  std::string number = {};  // among those of the variant; empty: none yet
  Kind kind = Kind::instance;
};
using LabelsOf = std::function<place::Labels(const InstanceName&)>;

struct FleetOptions {
  std::map<std::string, BuiltInProgram> built_ins;
  Credentials credentials = {};                        // empty: nobody acts as anybody
  LabelsOf labels = {};                                // empty: instances have none
  std::chrono::milliseconds restart_delay_min{1'000};  // doubling
  std::chrono::milliseconds restart_delay_max{60'000};
  unsigned start_failures_max = 3;  // of a generation that never served, in a row, for one variant
  std::chrono::milliseconds stop_grace{30'000};
  std::chrono::milliseconds drain_max{70'000};  // then an old instance is ended all the same
  // From the end of the last request of an elastic variant to the end of its instances.
  std::chrono::milliseconds idle_time{60'000};
  std::size_t ended_kept_max = 3;  // ended instances per variant whose log is kept
};

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
  struct Needs {
    place::Place& place;
    artifacts::Artifacts& artifacts;
    Prober& prober;
    routing::RouteTable& routes;
    engine::ReconcilerLoop& loop;
    engine::Changes& changes;
    residency::ModelKeeper* models = nullptr;  // null: variants with many models are refused
    environments::Environments* environments =
        nullptr;  // null: instances install what they need themselves
    // Whether the artifact's reader may read it now; asked before an instance is started on a copy
    // that is on the disk, as ArtifactSource asks before it fetches one. Empty: nobody is asked.
    std::function<Result<>(store::Transaction& tx, const artifacts::Artifact& artifact)> may_read =
        {};
  };
  FleetReconciler(Needs needs, FleetOptions options);
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
