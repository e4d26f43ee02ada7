// One I/O thread with everything that it has of its own: the HTTP server, the front, the router.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/random.h"
#include "engine/fleet/capture.h"
#include "engine/fleet/router.h"
#include "engine/fleet/sessions.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "service/front.h"
#include "service/sagemaker_runtime/runtime.h"

namespace slipway::server {

class IoLoop {
 public:
  // What all loops share; it outlives them.
  struct Shared {
    const service::Frame& frame;
    fleet::RouteTable& routes;
    fleet::Sessions& sessions;
    fleet::CaptureWriter& captures;
    Random& random;
    std::shared_ptr<const net::TlsContext> tls;  // null: plain HTTP
    net::HttpLimits limits;
    std::chrono::seconds stream_time_limit;
  };

  // Answers on `listener` from now on, on a thread "io-`number`".
  IoLoop(const Shared& shared, net::Fd listener, unsigned number);
  ~IoLoop();

  net::Loop& loop() { return thread_.loop(); }
  std::vector<fleet::VariantCounters> counters() const { return router_->counters(); }

  // Takes no further request; ready when all that are under way are answered, or given up.
  std::future<void> drain();
  std::size_t open_connections();

 private:
  net::LoopThread thread_;
  std::unique_ptr<fleet::Router> router_;
  std::unique_ptr<sagemaker_runtime::Runtime> runtime_;
  std::unique_ptr<service::Front> front_;
  std::unique_ptr<net::HttpServer> http_;
};

}  // namespace slipway::server
