// The I/O loops, joined: where clients are heard and answered, and the pages that say what they
// do.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "server/address.h"
#include "server/event_engine.h"
#include "server/fleet_engine.h"
#include "server/foundation.h"
#include "server/inside.h"
#include "server/io_loop.h"
#include "server/pages.h"
#include "server/queue_engine.h"
#include "server/transform_engine.h"
#include "service/access_log.h"
#include "service/pages.h"
#include "service/service_context.h"

namespace slipway::server {

// The I/O loops, and what answers on each.
class Listeners {
 public:
  // All outlive it; `routers` learns the router of each loop.
  struct Needs {
    Foundation& base;
    FleetEngine& fleets;
    const EventEngine& events;
    const QueueEngine& queues;
    const TransformEngine& transforms;
    const service::ServiceContext& context;
    const ecr::DistributionDoor& registry;
    LoopRouters& routers;
  };
  // The loops stand still: unavailable where the access log cannot be written.
  static Result<std::unique_ptr<Listeners>> open(const Needs& needs);

  // Hears clients from now on. When it ends no further request is taken, and all that are under way
  // are answered, or given up.
  Result<> begin(ServerAddress& address, ServerLifecycle& life);

 private:
  explicit Listeners(const Needs& needs);
  std::vector<Traffic> traffic() const;
  std::vector<QueueLength> queue_lengths() const;
  void end();
  void say_what_is_waited_for() const;

  const Needs needs_;
  std::unique_ptr<service::AccessLog> access_log_;  // null: none is kept
  std::vector<service::ServerPage> pages_;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::atomic<bool> complete_ = false;  // loops_ is
};

}  // namespace slipway::server
