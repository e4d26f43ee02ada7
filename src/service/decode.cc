#include "service/decode.h"

#include <vector>

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
  TRY(const wire::Node input,
      wire::decode_request(*route.operation, route.protocol, route.labels, view, arena));
  TRY_DO(wire::validate(*route.operation, input));
  return input;
}

}  // namespace slipway::service
