// What the ways of serving ask of the router that they belong to.
#pragma once

#include <memory>

#include "engine/routing/instance_link.h"
#include "engine/routing/invocation.h"

namespace slipway::routing {

// Limits.
inline constexpr unsigned attempts_max = 3;  // instances tried before giving up

// Carries requests on, once somebody has found where to. Loop thread only.
class Sender {
 public:
  virtual ~Sender() = default;
  // Sends it to that instance; or leaves it, and returns false.
  virtual bool send(std::unique_ptr<Invocation>& invocation, InstanceLink& link) = 0;
  // Dispatches it anew when the routes change, and now and then until then.
  virtual void hold(std::unique_ptr<Invocation> invocation) = 0;
};

}  // namespace slipway::routing
