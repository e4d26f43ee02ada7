// Keeps account of every request that a handler gets: one line of the access log for each, when its
// answer was handed over.
#pragma once

#include <functional>

#include "base/clock.h"
#include "net/http_server.h"
#include "service/access_log.h"

namespace slipway::service {

// Stands between the HTTP server of a loop and who answers there. Loop thread only; the answers may
// come from any thread. Never written: query strings, headers, bodies, keys.
class RecordedRequests final : public net::RequestHandler {
 public:
  // What the head alone says of a request.
  using Describe = std::function<net::Described(const net::RequestHead& head)>;

  // All of it outlives this object and its requests' responders.
  RecordedRequests(net::RequestHandler& answers, AccessLog& log, const Clock& clock,
                   Describe describe)
      : answers_(answers), log_(log), clock_(clock), describe_(std::move(describe)) {}

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;
  net::Response refusal(const net::RequestHead& head, int status, std::string_view reason) override;

 private:
  void record_refusal(const net::RequestHead& head, const net::Response& response);

  net::RequestHandler& answers_;
  AccessLog& log_;
  const Clock& clock_;
  Describe describe_;
};

}  // namespace slipway::service
