// The users and roles that a policy names, and who they are: what a policy gives to somebody it
// does not give to whoever has the name next.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/identity/policy.h"
#include "engine/identity/principal_ids.h"
#include "service/call.h"

namespace slipway::service {

// The unique id of the user or role of this ARN in the caller's account; nullopt where there is
// none.
std::optional<std::string> id_of_principal(Call& call, std::string_view arn);

// The ids of all users and roles of the caller's account that the policy names, by their ARNs.
// invalid_argument of kind "malformed_policy" for a name that nobody has, or that is none. Whether
// a principal of another account exists cannot be seen from here: it is taken as it is.
Result<identity::PrincipalIds> principal_ids(Call& call, const identity::Policy& policy);

// The policy's text as it is shown: a user or role that is no more is shown by its id, which nobody
// has again.
std::string shown_policy(Call& call, std::string text, const identity::PrincipalIds& ids);

}  // namespace slipway::service
