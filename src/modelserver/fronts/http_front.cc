#include "modelserver/fronts/http_front.h"

#include <fmt/format.h>

#include <utility>

namespace slipway::modelserver {
namespace {

constexpr std::string_view ping_path = "/ping";
constexpr std::string_view invocations_path = "/invocations";
constexpr std::string_view parameters_path = "/execution-parameters";
constexpr int transform_payload_mb = 6;

net::Refuse wrong_method(std::string_view allowed) {
  auto response = net::plain_response(405, fmt::format("Only {} is answered here.", allowed));
  response.headers.set("Allow", allowed);
  return {std::move(response)};
}

net::Response json_response(std::string text) {
  return {200, {{"Content-Type", "application/json"}}, std::move(text)};
}

// One more request than run at once: it comes in while they run.
std::string execution_parameters(const Model* model) {
  return fmt::format(R"({{"MaxConcurrentTransforms": {}, "BatchStrategy": "MULTI_RECORD", )"
                     R"("MaxPayloadInMB": {}}})",
                     model == nullptr ? 1 : model->concurrency() + 1, transform_payload_mb);
}

}  // namespace

net::BodyPlan HttpFront::on_head(const net::RequestHead& head) {
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (head.path == invocations_path) {
    if (head.method != "POST") return wrong_method("POST");
    return net::Collect{invocation_bytes_max};
  }
  if (head.path == ping_path || head.path == parameters_path) {
    if (!reads) return wrong_method("GET");
    return net::Collect{0};
  }
  return net::Refuse{net::plain_response(
      404, "Nothing is here; GET /ping and POST /invocations are what is answered.")};
}

void HttpFront::answer_pings(int status) {
  for (net::Responder& waiting : std::exchange(waiting_pings_, {}))
    waiting.send(net::ResponseView{status, {}, {}});
}

void HttpFront::on_request(net::Request&& request, net::Responder&& responder) {
  const Model* const model = dispatcher_.model();
  if (request.path() == ping_path) {
    const bool waits = request.headers().get("Prefer").starts_with("wait=");
    if (model == nullptr && waits && waiting_pings_.size() < waiting_pings_max) {
      if (waiting_pings_.empty())
        loop_.after(ping_wait_max, [this] { answer_pings(dispatcher_.model() ? 200 : 503); });
      return waiting_pings_.push_back(std::move(responder));
    }
    const int status = model == nullptr ? 503 : 200;
    return responder.send(net::ResponseView{status, {}, {}});
  }
  if (request.path() == parameters_path)
    return responder.send(json_response(execution_parameters(model)));
  ModelCall invocation;
  invocation.content_type = request.headers().get("Content-Type");
  invocation.accept = request.headers().get("Accept");
  invocation.custom_attributes = request.headers().get(custom_attributes_name);
  invocation.body = request.body();
  dispatcher_.submit(invocation, HttpReply{std::move(request), std::move(responder)});
}

}  // namespace slipway::modelserver
