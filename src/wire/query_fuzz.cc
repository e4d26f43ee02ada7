// Any bytes as a form body, a query string, a path and a host. What a form says is
// the same request when it is carried over in JSON, or written as a form again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gen/iam.h"
#include "gen/services.h"
#include "gen/sns.h"
#include "gen/sqs.h"
#include "wire/codec.h"
#include "wire/document.h"
#include "wire/route.h"
#include "wire/validate.h"

using namespace slipway::wire;

namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

const Operation* const operations[] = {
    &slipway::aws::iam::op::CreateRole::operation(),
    &slipway::aws::iam::op::SimulatePrincipalPolicy::operation(),
    &slipway::aws::sqs::op::SendMessageBatch::operation(),
    &slipway::aws::sqs::op::ReceiveMessage::operation(),
    &slipway::aws::sqs::op::SetQueueAttributes::operation(),
    &slipway::aws::sns::op::PublishBatch::operation(),
    &slipway::aws::sns::op::Subscribe::operation(),
};

// `node` written by a client and read by the server.
Node carried(const Operation& operation, Protocol protocol, const Node& node, Arena& arena) {
  auto request = encode_request(operation, protocol, node);
  check(request.has_value());
  std::vector<HeaderView> headers;
  for (const auto& [name, value] : request->headers) headers.push_back({name, value});
  const HttpRequestView view{.method = request->method,
                             .path = request->path,
                             .query = request->query,
                             .headers = headers,
                             .body = arena.copy(request->body)};
  const auto again = decode_request(operation, protocol, {}, view, arena);
  check(again.has_value());
  return *again;
}

void try_form(const Operation& operation, const HttpRequestView& posted) {
  Arena arena;
  const auto node = decode_request(operation, Protocol::query, {}, posted, arena);
  if (!node) return;
  const auto said = [&](const Node& each) { return to_json(each, *operation.input); };
  check(said(carried(operation, Protocol::json10, *node, arena)) == said(*node));
  if (!validate(operation, *node)) return;
  // Once, because a form has no words for a list or map without entries.
  const Node once = carried(operation, Protocol::query, *node, arena);
  check(said(carried(operation, Protocol::query, once, arena)) == said(once));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const OperationRouter router(slipway::aws::schemas());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view half = text.substr(0, size / 2);
  Arena arena;
  const HeaderView form[] = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Host", half}};
  const HttpRequestView posted{
      .method = "POST", .path = "/", .query = "", .headers = form, .body = text};
  for (const Operation* operation : operations) try_form(*operation, posted);
  (void)router.find(posted);
  const HeaderView signed_headers[] = {
      {"Authorization", half}, {"Host", half}, {"X-Amz-Target", half}};
  for (const std::string_view method : {"GET", "PUT"}) {
    const HttpRequestView request{.method = method,
                                  .path = half,
                                  .query = text.substr(size / 2),
                                  .headers = signed_headers,
                                  .body = ""};
    const Route route = router.find(request);
    if (route.operation == nullptr || !route.operation->is(OperationFlag::built)) continue;
    (void)decode_request(*route.operation, route.protocol, route.labels, request, arena);
  }
  return 0;
}
