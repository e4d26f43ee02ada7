// The tag keys that AWS keeps for itself, and what its services say to whoever gives one.
#pragma once

#include <string_view>

namespace slipway::service {

// Keys that begin so are given by AWS alone.
inline constexpr std::string_view reserved_tag_prefix = "aws:";
// What AWS says of such a key in most places; of the services that say this here, the code is
// known and the words are not.
inline constexpr std::string_view reserved_tag_text =
    "aws: prefixed tag key names are not allowed for external use.";

}  // namespace slipway::service
