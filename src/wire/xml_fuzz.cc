// Any bytes as the XML body of a request and of an answer.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gen/s3.h"
#include "wire/codec.h"

using namespace slipway::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  namespace op = slipway::aws::s3::op;
  Arena arena;
  const HttpRequestView request{
      .method = "PUT", .path = "/b", .query = "x", .headers = {}, .body = text};
  for (const Operation* operation :
       {&op::PutBucketLifecycleConfiguration::operation(), &op::DeleteObjects::operation()}) {
    const auto node = decode_request(*operation, Protocol::rest_xml, {}, request, arena);
    if (node) (void)encode_request(*operation, Protocol::rest_xml, *node);
  }
  const HttpResponseView answer{.status = 200, .headers = {}, .body = text};
  if (const auto node =
          decode_response(op::ListObjectsV2::operation(), Protocol::rest_xml, answer, arena)) {
    (void)encode_response(op::ListObjectsV2::operation(), Protocol::rest_xml, *node, "id");
  }
  (void)decode_error(Protocol::rest_xml, answer);
  return 0;
}
