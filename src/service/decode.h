// A request's input: read by its protocol, held against the model's constraints.
#pragma once

#include "base/result.h"
#include "net/http.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/route.h"

namespace slipway::service {

// The input of `route`'s operation. Text in it views into `request` and `arena`: both outlive it. A
// body that is streamed is no part of it. invalid_argument in the service's own words.
Result<wire::Node> decode_input(const wire::Route& route, const net::Request& request,
                                wire::Arena& arena);

}  // namespace slipway::service
