// Pairs as one blob of a row: each text preceded by its length, 32 bits, little endian.
#pragma once

#include <string>
#include <string_view>

#include "engine/objects/types.h"

namespace slipway::objects {

std::string encode_pairs(const Pairs& pairs);

// Throws store::Failure (corrupt) where `bytes` is not what encode_pairs made.
Pairs decode_pairs(std::string_view bytes);

}  // namespace slipway::objects
