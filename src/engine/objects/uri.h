// "s3://bucket/key": how a text names an object.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/objects/types.h"

namespace slipway::objects {

// The bucket alone ("s3://bucket") or a prefix ("s3://bucket/folder/") is fine: `key` is then empty
// or what stands there, as it stands there. Nothing where it is no such text, or names no bucket.
std::optional<ObjectName> parse_uri(std::string_view uri);

// The other way; the version is left out.
std::string uri_of(const ObjectName& name);

}  // namespace slipway::objects
