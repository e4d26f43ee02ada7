// Fleets, joined: what instances are started with and see, how they are probed and asked, and what
// of their requests is captured.
#pragma once

#include <memory>
#include <string>

#include "engine/fleet/fleet.h"
#include "engine/fleet/fleet_reconciler.h"
#include "engine/fleet/prober.h"
#include "engine/identity/key_ring.h"
#include "engine/objects/objects.h"
#include "engine/routing/capture.h"
#include "engine/routing/routes.h"
#include "engine/routing/sessions.h"
#include "server/captured_objects.h"
#include "server/credentials_address.h"
#include "server/fetched_artifacts.h"
#include "server/foundation.h"
#include "server/job_engine.h"
#include "server/place_engine.h"
#include "server/prepared_files.h"
#include "service/errands.h"

namespace slipway::server {

// The assembly of the engine of fleets, with the routes to their instances.
class FleetEngine {
 public:
  // All outlive it.
  struct Needs {
    Foundation& base;
    PlaceEngine& places;
    const identity::KeyRing& keys;
    FetchedArtifacts& artifacts;
    const JobEngine& jobs;
    objects::Objects& objects;
    service::LaterErrands errands;  // in whose name captures are stored
    std::filesystem::path model_server;
    std::string url_from_here;  // where an instance finds this server
  };
  static Result<std::unique_ptr<FleetEngine>> open(const Needs& needs, ServerLifecycle& life);
  FleetEngine(const FleetEngine&) = delete;
  FleetEngine& operator=(const FleetEngine&) = delete;

  // Begins to remove, now and then, what no fleet uses any more. When it ends nothing more is
  // fetched or installed, and what is being made is given up: before instances end, who would take
  // their end for a failure.
  void begin(ServerLifecycle& life);

  routing::RouteTable& routes() { return routes_; }
  routing::Sessions& sessions() { return *sessions_; }
  fleet::Fleets& fleets() { return fleets_; }
  routing::CaptureWriter& captures() { return captures_; }
  const fleet::DecisionBook& decisions() const { return reconciler_.decisions(); }

 private:
  FleetEngine(const Needs& needs, std::unique_ptr<routing::Sessions> sessions,
              std::unique_ptr<CredentialsAddress> credentials);
  fleet::FleetOptions options_of(const Needs& needs) const;
  void collect_files();

  Foundation& base_;
  routing::RouteTable routes_;
  std::unique_ptr<routing::Sessions> sessions_;
  std::unique_ptr<CredentialsAddress> credentials_;
  PreparedFiles files_;
  fleet::NetworkProber prober_;
  fleet::FleetReconciler reconciler_;
  fleet::Fleets fleets_;
  CapturedObjects captured_;
  routing::CaptureWriter captures_;
};

}  // namespace slipway::server
