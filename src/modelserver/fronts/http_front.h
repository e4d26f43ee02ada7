// The container contract over HTTP: GET /ping, POST /invocations.
#pragma once

#include <chrono>
#include <vector>

#include "modelserver/fronts/dispatcher.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace slipway::modelserver {

// The largest body of an invocation: what batch transform may send.
inline constexpr std::uint64_t invocation_bytes_max = std::uint64_t{100} << 20;
inline constexpr std::chrono::milliseconds ping_wait_max{1'000};
inline constexpr std::size_t waiting_pings_max = 16;

// GET /ping: 200 once the model is there, 503 before; with "Prefer: wait=..." (RFC 7240) the 503
// waits up to ping_wait_max for the model. POST /invocations: the model's answer.
// GET /execution-parameters: what batch transform asks for. Loop thread only; `dispatcher` outlives
// it.
class HttpFront final : public net::RequestHandler {
 public:
  HttpFront(Dispatcher& dispatcher, net::Loop& loop) : dispatcher_(dispatcher), loop_(loop) {}

  // The dispatcher has its model: pings that wait are answered.
  void model_is_there() { answer_pings(200); }

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;

 private:
  void answer_pings(int status);

  Dispatcher& dispatcher_;
  net::Loop& loop_;
  std::vector<net::Responder> waiting_pings_;
};

}  // namespace slipway::modelserver
