// Carries requests to instances: picks the variant and the instance, sends, waits, answers.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "engine/routing/capture.h"
#include "engine/routing/counters.h"
#include "engine/routing/invocation.h"
#include "engine/routing/routes.h"

namespace slipway::net {
class Loop;
}

namespace slipway::routing {

class RouterCore;

// One for each I/O loop; every method on that loop's thread unless said otherwise. Holds that
// thread's own connections to instances. Destroyed on the loop's thread, or after the loop ended.
//
// A request is tried on another instance only where the first cannot have seen it (connection
// refused, or the link went down before a byte of it was sent). What an instance answers, with any
// status, is passed up. Bodies that fit go over the instance's framed link, where it has one; all
// others by HTTP.
class Router {
 public:
  // Everything outlives this object. Without `captures` nothing is captured.
  Router(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures = nullptr);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  void invoke(std::unique_ptr<Invocation> invocation);

  // The fleet as this router sees it now; null where there is none of that name.
  std::shared_ptr<const FleetRoute> route_of(std::string_view fleet);

  // From any thread: what was counted so far.
  std::vector<VariantCounters> counters() const;

 private:
  std::shared_ptr<RouterCore> core_;
};

}  // namespace slipway::routing
