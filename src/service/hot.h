// Operations that are answered on the I/O thread that their request came in on.
#pragma once

#include <functional>
#include <string>

#include "net/http_server.h"
#include "net/loop.h"
#include "service/call.h"
#include "wire/route.h"

namespace slipway::service {

// A request of a hot operation: authentic, its body at hand, not decoded.
struct HotRequest {
  net::Request request;
  net::Responder responder;
  wire::Route route;     // views into `request`
  const Caller* caller;  // while the handler runs
  std::string request_id;
};

// Answers one hot operation on one loop, on that loop's thread; waits for nothing.
using HotHandler = std::move_only_function<void(HotRequest&&)>;
// Makes the handler of a loop, on that loop's thread; the loop outlives it.
using HotFactory = std::function<HotHandler(net::Loop&)>;

}  // namespace slipway::service
