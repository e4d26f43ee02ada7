// Requests by HTTP/1.1, as every container takes them.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "engine/routing/link.h"
#include "engine/routing/routes.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace slipway::routing {

// Bodies of every size, and bodies in files. Takes what it is given: the client behind it queues,
// and keeps the time of each request by itself.
class HttpLink final : public Link {
 public:
  // All outlive this object. `instance` has an address for HTTP, which is this one.
  HttpLink(net::Loop& loop, const InstanceRoute& instance, net::Address address, LinkUser& user);
  ~HttpLink() override;

  Sent send(std::unique_ptr<Exchange>& exchange, std::chrono::milliseconds time_limit) override;
  void set_paused(Exchange& exchange, Flow flow) override;
  void drop(Exchange& exchange) override;
  void expire(Instant now) override { (void)now; }
  std::size_t under_way() const override { return under_way_; }

 private:
  class Stream;

  void on_whole(std::unique_ptr<Exchange> exchange, Result<net::ClientResponse> result);
  // What came of it, once it is not under way any more.
  void answer(std::unique_ptr<Exchange> exchange, InvokeAnswer&& answer);
  void fail(std::unique_ptr<Exchange> exchange, const Error& error);
  void release(Exchange& exchange);

  net::Loop& loop_;
  const InstanceRoute& instance_;
  const net::Address address_;
  LinkUser& user_;
  std::unique_ptr<net::HttpClient> http_;  // made when it is first needed: few are
  std::size_t under_way_ = 0;
};

}  // namespace slipway::routing
