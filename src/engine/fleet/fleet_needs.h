// What fleets are made with: options of the server, and the parts that do the work.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/artifacts/artifact.h"
#include "engine/changes.h"
#include "engine/environments/environments.h"
#include "engine/fleet/plan.h"
#include "engine/fleet/prober.h"
#include "engine/reconciler.h"
#include "engine/residency/model_keeper.h"
#include "engine/routing/routes.h"
#include "place/place.h"
#include "store/store.h"

namespace slipway::fleet {

// How a built-in image runs as a program of this host: argv and environment before what the plan
// adds.
struct BuiltInProgram {
  // The arguments by which an instance is told what it has, each followed by its value. Empty: it
  // is not told.
  struct Flags {
    std::string model = {};        // the folder of its model
    std::string http_socket = {};  // where it listens for HTTP
    std::string link_socket = {};  // and for a framed link; empty: it has none
  };
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::vector<place::Mount> mounts = {};  // what it needs beside the model
  Flags flags = {};
  // How an environment is prepared where its model needs one; absent: it is given none.
  std::optional<environments::EnvironmentFlags> packages = {};
};

// What an instance is started with so that it may act as somebody (Program::acts_as): variables of
// its environment, secret to it. The same for the same instance, also after a restart.
using CredentialVariables = std::function<std::map<std::string, std::string>(
    const place::InstanceKey& key, std::string_view acts_as)>;

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

// What the server sets for all fleets.
struct FleetOptions {
  std::map<std::string, BuiltInProgram> built_ins;
  CredentialVariables credentials = {};                // empty: nobody acts as anybody
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

// Who does what fleets need done; each outlives its users.
struct FleetNeeds {
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

}  // namespace slipway::fleet
