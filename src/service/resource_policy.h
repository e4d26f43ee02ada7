// Policies that stand at a resource of their own: what every service that has such asks of them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/identity/policy.h"

namespace slipway::service {

// The policy of that text. invalid_argument of kind "malformed_policy", where it is none, or a
// statement of it says not of whom it speaks.
Result<identity::Policy> read_resource_policy(std::string_view text);

// Whether the policy lets everyone in: allows something to everyone, under no condition that holds
// for few. S3's own notion of it: docs.aws.amazon.com/AmazonS3/latest/userguide/
// access-control-block-public-access.html, "The meaning of public".
bool is_public(const identity::Policy& policy);

}  // namespace slipway::service
