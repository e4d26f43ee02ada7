// How a request names an object: "s3://bucket/key", and S3's own two forms of "https://".
#pragma once

#include <optional>
#include <string_view>

#include "engine/objects/types.h"

namespace slipway::service {

// The bucket stands before ".s3." in an https host's name, or first in the path ("s3.REGION...").
// The key may be empty or a prefix. Nothing where it names no bucket, or where the host is none of
// S3's.
std::optional<objects::ObjectName> s3_location(std::string_view uri);

}  // namespace slipway::service
