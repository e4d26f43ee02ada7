// The container contract over HTTP: GET /ping, POST /invocations.
#pragma once

#include "modelserver/dispatcher.h"
#include "net/http_server.h"

namespace slipway::modelserver {

// The largest body of an invocation: what batch transform may send.
inline constexpr std::uint64_t invocation_bytes_max = std::uint64_t{100} << 20;

// GET /ping: 200 once the model is there, 503 before. POST /invocations: the model's answer.
// GET /execution-parameters: what batch transform asks for. Loop thread only; `dispatcher` outlives
// it.
class HttpFront final : public net::RequestHandler {
 public:
  explicit HttpFront(Dispatcher& dispatcher) : dispatcher_(dispatcher) {}

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;

 private:
  Dispatcher& dispatcher_;
};

}  // namespace slipway::modelserver
