// The way of requests to elastic variants.
#pragma once

#include <memory>
#include <vector>

#include "engine/routing/invocation.h"
#include "engine/routing/route_view.h"
#include "engine/routing/sender.h"
#include "engine/routing/wait_queue.h"

namespace slipway::routing {

// Finds an instance for each request that has a permit, and lets the others wait. Loop thread only.
class ElasticDispatch {
 public:
  // `sender` outlives this object.
  explicit ElasticDispatch(Sender& sender) : sender_(sender) {}

  // Sends the request, has it wait, or refuses it. `elastic` is the route of the variant at `at`.
  void dispatch(std::unique_ptr<Invocation> invocation, const FleetView::Spot& at,
                const ElasticRoute& elastic);
  // Sends those that wait and can go by now, and refuses those that have waited too long. Returns
  // those whose variant is there no more: they are to be dispatched anew.
  std::vector<std::unique_ptr<Invocation>> advance(RouteView& view, Instant now);

  bool empty() const { return waiting_.empty(); }
  // Destroys the invocation where it waits here; returns whether it did.
  bool remove(const Invocation& invocation) { return waiting_.remove(invocation); }
  // Refuses all that wait, with `unavailable`.
  void close();

  // Counts what came of a streamed answer; returns whether it is more than its variant allows.
  static bool exceeds_limit(Invocation& invocation, std::string_view part);

 private:
  bool send(std::unique_ptr<Invocation>& invocation, const FleetView::Spot& at,
            const ElasticRoute& elastic);
  void advance(const FleetView::Spot& at, const ElasticRoute& elastic);

  Sender& sender_;
  WaitQueue waiting_;
};

}  // namespace slipway::routing
