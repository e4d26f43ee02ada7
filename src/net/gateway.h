// One port for many who answer: whose a request is says its path.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"

namespace slipway::net {

// Loop thread only. Whoever is mounted takes part in the whole life of its requests: it plans their
// bodies, answers them, and has its words for what the server refuses.
class Gateway final : public RequestHandler {
 public:
  // Whether this request, whose path is a mount's, is that mount's.
  using Claim = std::function<bool(const RequestHead& head)>;

  // `rest` answers what no mount takes; handlers outlive the gateway.
  explicit Gateway(RequestHandler& rest) : rest_(rest) {}

  // "/v2/" is all that begins so, and "/v2" itself; "/metrics" is that path alone. Without a
  // `claim` every request is taken. The mount that was added first takes what several would.
  void mount(std::string path, RequestHandler& handler, Claim claim = {});

  BodyPlan on_head(const RequestHead& head) override;
  void on_request(Request&& request, Responder&& responder) override;
  Response refusal(const RequestHead& head, int status, std::string_view reason) override;

 private:
  struct Mount {
    std::string path;
    RequestHandler& handler;
    Claim claim;

    bool has(std::string_view path) const;
  };

  RequestHandler& of(const RequestHead& head) const;

  RequestHandler& rest_;
  std::vector<Mount> mounts_;
};

}  // namespace slipway::net
