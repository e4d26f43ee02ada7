// Inflating request bodies.
#pragma once

#include <string_view>

#include "base/result.h"
#include "wire/arena.h"

namespace slipway::wire {

// The inflated bytes, in `arena`. invalid_argument: not gzip, damaged, or larger than the limit.
Result<std::string_view> inflate_gzip(std::string_view bytes, Arena& arena);

}  // namespace slipway::wire
