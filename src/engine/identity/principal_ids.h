// Who the users and roles are that a policy names, as they were when it was stored: who is made
// anew under one of these names is somebody else.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::identity {

// ARN and unique id of each.
using PrincipalIds = std::vector<std::pair<std::string, std::string>>;

// As they are stored beside the policy: "ARN ID" on a line each; neither holds a blank.
std::string lines_of(const PrincipalIds& ids);
PrincipalIds principal_ids_of(std::string_view lines);

}  // namespace slipway::identity
