// What tags of buckets and objects may look like.
#pragma once

#include "engine/objects/bucket_tags.h"

namespace slipway::s3 {

inline constexpr tags::Rules bucket_tag_rules{.letters = tags::Rules::Letters::plain,
                                              .reserved_prefix = "aws:"};

}  // namespace slipway::s3
