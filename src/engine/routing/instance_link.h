// One router's way to one instance: a framed link where the instance has one, HTTP for the rest.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "engine/routing/link.h"
#include "engine/routing/routes.h"
#include "net/link_frame.h"
#include "net/loop.h"

namespace slipway::routing {

// Loop thread only. Holds the instance: while this object lives, the instance is not drained.
class InstanceLink {
 public:
  // `loop`, `user` and `spare` outlive this object.
  InstanceLink(net::Loop& loop, std::shared_ptr<const InstanceRoute> instance, LinkUser& user,
               net::LinkSpare& spare);

  const InstanceRoute& instance() const { return *instance_; }
  // Takes the exchange, or leaves it (the link is down and there is no HTTP, or it is too busy) and
  // returns false.
  bool send(std::unique_ptr<Exchange>& exchange, std::chrono::milliseconds time_limit);
  bool send_by_http(std::unique_ptr<Exchange>& exchange, std::chrono::milliseconds time_limit);
  void expire(Instant now);
  std::size_t under_way() const;

  // How many requests its model runs within net::link_pace_time, as the newest answer said; 0 of an
  // instance that says nothing.
  net::LinkPace pace() const { return pace_; }
  void note_pace(net::LinkPace pace) { pace_ = pace; }

 private:
  const std::shared_ptr<const InstanceRoute> instance_;
  std::unique_ptr<Link> framed_;  // null: it has none
  std::unique_ptr<Link> http_;    // likewise
  net::LinkPace pace_ = 0;
};

}  // namespace slipway::routing
