// The headers that a presigned URL has in its query.
#pragma once

#include <string_view>

#include "net/http.h"
#include "wire/route.h"

namespace slipway::service {

// Whether the operation takes a header of that name.
bool reads_header(const wire::Operation& operation, std::string_view name);

// Puts them among the request's headers, once its signature was checked: x-amz-*, but for what is
// the signature's own, and whatever else the operation reads from headers (If-None-Match). What was
// signed into the URL counts before a header of that name. A checksum of no bytes is passed over:
// whoever signed had no body yet, and AWS takes any then. S3 only.
void take_query_headers(net::Request& request, const wire::Route& route);

}  // namespace slipway::service
