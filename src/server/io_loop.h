// One I/O thread with everything that it has of its own: the HTTP server, the doors, the router.
#pragma once

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/random.h"
#include "engine/routing/capture.h"
#include "engine/routing/router.h"
#include "engine/routing/sessions.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "service/aws_request_handler.h"
#include "service/ecr/distribution.h"
#include "service/pages.h"
#include "service/recorded_requests.h"

namespace slipway::server {

// The router of each loop, for the operations that are answered there. Filled while the loops are
// made, one after the other.
class LoopRouters {
 public:
  void add(const net::Loop& loop, routing::Router& router) { routers_[&loop] = &router; }
  routing::Router& of(const net::Loop& loop) const { return *routers_.at(&loop); }

 private:
  std::map<const net::Loop*, routing::Router*> routers_;
};

// One I/O thread with everything that answers on it: HTTP, the gateway, a router of its own.
class IoLoop {
 public:
  // All loops share this; it outlives them.
  struct Shared {
    const service::ServiceContext& context;
    const std::vector<service::ServerPage>& pages;
    const ecr::DistributionDoor& registry;
    routing::RouteTable& routes;
    LoopRouters& routers;
    routing::CaptureWriter& captures;
    Random& random;
    std::shared_ptr<const net::TlsContext> tls;  // null: plain HTTP
    net::HttpLimits limits;
    service::AccessLog* access_log = nullptr;  // null: none is kept
  };

  // Answers on `listener` from now on, on a thread "io-`number`".
  IoLoop(const Shared& shared, net::Fd listener, unsigned number);
  ~IoLoop();

  net::Loop& loop() { return thread_.loop(); }
  // Tasks of other threads that wait for this one.
  std::size_t waiting() const { return thread_.loop().waiting(); }
  std::vector<routing::VariantCounters> counters() const { return router_->counters(); }

  // Takes no further request; ready when all that are under way are answered, or given up.
  std::future<void> drain();
  std::size_t open_connections();

 private:
  net::LoopThread thread_;
  std::unique_ptr<routing::Router> router_;
  std::unique_ptr<service::AwsRequestHandler> aws_;
  std::unique_ptr<service::PageDoor> pages_;
  std::unique_ptr<ecr::Distribution> registry_;
  std::unique_ptr<net::Gateway> gateway_;
  std::unique_ptr<service::RecordedRequests> recorded_;  // null: nobody keeps account
  std::unique_ptr<net::HttpServer> http_;
};

}  // namespace slipway::server
