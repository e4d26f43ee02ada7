// The CORS rules of a bucket at work.
#pragma once

#include <string_view>

#include "service/cross_origin.h"

namespace slipway::s3 {

// The first rule that lets the page's origin use the method (and, asked by OPTIONS, send the
// headers) decides. BadRequest where OPTIONS lacks what it asks for; AccessForbidden.
Result<net::Fields> cross_origin(store::Transaction& tx, const service::CrossOriginRequest& page);

// Whether a header can be called so: RFC 9110's token.
bool is_header_name(std::string_view text);

}  // namespace slipway::s3
