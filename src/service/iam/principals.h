// The principals that a trust policy names, and who they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/identity/policy.h"
#include "service/call.h"

namespace slipway::iam {

// The unique id of the user or role of this ARN in the caller's account; nullopt where there is
// none.
std::optional<std::string> id_of_principal(service::Call& call, std::string_view arn);

// The ids of all users and roles of the caller's account that the policy names, by their ARNs.
// MalformedPolicyDocument for a name that nobody has, or that is none. Whether a principal of
// another account exists cannot be seen from here: it is taken as it is.
Result<std::vector<std::pair<std::string, std::string>>> principal_ids(
    service::Call& call, const identity::Policy& policy);

}  // namespace slipway::iam
