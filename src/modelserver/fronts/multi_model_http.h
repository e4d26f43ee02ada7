// The multi-model container contract over HTTP.
#pragma once

#include "modelserver/fronts/model_repository.h"
#include "net/http_server.h"

namespace slipway::modelserver {

// Bytes of the body of POST /models.
inline constexpr std::uint64_t load_request_bytes_max = 64 * 1024;

// GET /ping: 200. POST /models {"model_name", "url"}: 200, 409, 507 (no memory), 400 (no such
// request, or no model there). GET /models[?next_page_token=]: a page of those that are loaded.
// GET /models/NAME, DELETE /models/NAME, POST /models/NAME/invoke: 200 or 404. Source: AWS's page
// "Custom Containers Contract for Multi-Model Endpoints". Loop thread only; `repository` outlives
// it.
class MultiModelHttp final : public net::RequestHandler {
 public:
  explicit MultiModelHttp(ModelRepository& repository) : repository_(repository) {}

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;

 private:
  void load(const net::Request& request, net::Responder&& responder);
  void unload(std::string name, net::Responder&& responder);
  void list(std::string_view query, net::Responder&& responder) const;
  void show(std::string_view name, net::Responder&& responder) const;
  void invoke(std::string_view name, net::Request&& request, net::Responder&& responder);

  ModelRepository& repository_;
};

}  // namespace slipway::modelserver
