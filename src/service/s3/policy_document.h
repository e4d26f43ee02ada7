// What S3 asks of a bucket's policy before it takes it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/identity/policy.h"

namespace slipway::s3 {

// The policy of that text, for the bucket of that name. MalformedPolicy in S3's words: what is no
// policy, an action or a condition key that S3 does not have, a resource outside the bucket, an
// action that none of the statement's resources can bear, a key that is of no use to an action.
Result<identity::Policy> read_bucket_policy(std::string_view text, std::string_view bucket);

}  // namespace slipway::s3
