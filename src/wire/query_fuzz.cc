// Any bytes as a form body, a query string, a path and a host.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gen/iam.h"
#include "gen/services.h"
#include "wire/codec.h"
#include "wire/route.h"
#include "wire/validate.h"

using namespace slipway::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Router router(slipway::aws::schemas());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view half = text.substr(0, size / 2);
  Arena arena;
  const HeaderView form[] = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Host", half}};
  const HttpRequestView posted{
      .method = "POST", .path = "/", .query = "", .headers = form, .body = text};
  for (const Operation* operation :
       {&slipway::aws::iam::op::CreateRole::operation(),
        &slipway::aws::iam::op::SimulatePrincipalPolicy::operation()}) {
    if (const auto node = decode_request(*operation, Protocol::query, {}, posted, arena))
      (void)validate(*operation, *node);
  }
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
