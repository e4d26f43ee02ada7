// Every service, joined: the doors with what each stands on, who may do what with them, and the
// pages of the server's own.
#pragma once

#include <memory>
#include <vector>

#include "server/event_engine.h"
#include "server/fleet_engine.h"
#include "server/foundation.h"
#include "server/identity_engine.h"
#include "server/image_engine.h"
#include "server/io_loop.h"
#include "server/object_engine.h"
#include "server/pages.h"
#include "server/place_engine.h"
#include "server/queue_engine.h"
#include "server/transform_engine.h"
#include "service/pages.h"
#include "service/service_context.h"

namespace slipway::server {

// The assembly of all doors: the services and what they stand on.
class Doors {
 public:
  // All outlive it.
  struct Needs {
    Foundation& base;
    IdentityEngine& identity;
    ObjectEngine& objects;
    ImageEngine& images;
    EventEngine& events;
    PlaceEngine& places;
    FleetEngine& fleets;
    QueueEngine& queues;
    TransformEngine& transforms;
    const service::Errands* errands;  // null: nobody is asked
    const LoopRouters& routers;
    net::Address bound;
  };
  // internal: an operation that stands in an operations.txt has no function.
  static Result<std::unique_ptr<Doors>> open(const Needs& needs);

  const service::ServiceContext& service_context() const { return *context_; }

 private:
  explicit Doors(const Needs& needs) : needs_(needs) {}
  void install();
  void collect_permissions();
  void make_context();

  const Needs needs_;
  service::Registry registry_;
  std::unique_ptr<service::Authorizer> authorizer_;  // null: everyone may do everything
  std::unique_ptr<wire::OperationRouter> router_;
  std::unique_ptr<service::ServiceContext> context_;
};

}  // namespace slipway::server
