// The words in which AWS refuses whoever may not.
#pragma once

#include <string>
#include <string_view>

#include "engine/identity/access.h"

namespace slipway::service {

// "because no identity-based policy allows the s3:GetObject action", "with an explicit deny in a
// resource-based policy".
std::string reason_of(const identity::Verdict& verdict, std::string_view action);

// "User: ARN is not authorized to perform: ACTION on resource: RESOURCE REASON". `place` is empty
// or begins with " on resource".
std::string refusal_text(const identity::Principal& principal, std::string_view action,
                         std::string_view place, const identity::Verdict& verdict);

}  // namespace slipway::service
