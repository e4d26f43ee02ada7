// The operations of this door.
#pragma once

#include "engine/identity/key_ring.h"
#include "gen/sts.h"
#include "service/call.h"

namespace slipway::sts {

namespace api = aws::sts;
using service::Call;

// Whom the request's key speaks for.
Result<api::GetCallerIdentityResponse> get_caller_identity(Call& call,
                                                           api::GetCallerIdentityRequest in);

// Refuses: AccessDenied for a role that does not exist or is another account's; ValidationError for
// a longer life than the role allows; MalformedPolicyDocument.
Result<api::AssumeRoleResponse> assume_role(Call& call, api::AssumeRoleRequest in,
                                            const identity::KeyRing& keys);

// Refuses a caller that itself has temporary credentials.
Result<api::GetSessionTokenResponse> get_session_token(Call& call, api::GetSessionTokenRequest in,
                                                       const identity::KeyRing& keys);

}  // namespace slipway::sts
