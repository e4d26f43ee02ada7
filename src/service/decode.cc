#include "service/decode.h"

#include <vector>

#include "service/body_digest.h"
#include "wire/codec.h"
#include "wire/validate.h"

namespace slipway::service {

Result<wire::Node> decode_input(const wire::Route& route, const net::Request& request,
                                wire::Arena& arena) {
  std::vector<wire::HeaderView> headers;
  headers.reserve(request.headers().size());
  for (const net::Header& header : request.headers())
    headers.push_back({header.name, header.value});
  const wire::HttpRequestView view{.method = request.method(),
                                   .path = request.path(),
                                   .query = request.query(),
                                   .headers = headers,
                                   .body = request.body()};
  const bool is_s3 = route.schema->service.s3_style;
  if (is_s3) TRY_DO(check_body_digest(*route.operation, request));
  TRY(const wire::Node input,
      wire::decode_request(*route.operation, route.protocol, route.labels, view, arena));
  TRY_DO(wire::validate(*route.operation, input));
  if (is_s3) TRY_DO(demand_body_digest(*route.operation, request.head()));
  return input;
}

}  // namespace slipway::service
