// A request that another one stands for, as a form does for the upload that it describes.
#pragma once

#include <span>
#include <string_view>

#include "net/http.h"

namespace slipway::net {

// The head of `sent` with another target, and these headers in the place of its own: who asks, how
// and when stays. Copies what it needs; without a body.
Request rewritten(const Request& sent, std::string_view target, std::span<const Header> headers);

}  // namespace slipway::net
