// The operations of this door.
#pragma once

#include "engine/federation/issuer_keys.h"
#include "engine/identity/directory.h"
#include "engine/identity/key_ring.h"
#include "gen/sts.h"
#include "service/call.h"

namespace slipway::sts {

namespace api = aws::sts;
using service::Call;

// Holds what the operations work on. All outlive the door.
struct StsNeeds {
  const identity::KeyRing& keys;
  const identity::Directory& directory;
  store::Store& store;
  federation::IssuerKeys& issuers;
};

// sts.cc
// Whom the request's key speaks for, with `--auth none` too.
Result<api::GetCallerIdentityResponse> get_caller_identity(Call& call,
                                                           api::GetCallerIdentityRequest in,
                                                           const StsNeeds& needs);
// Refuses a caller that itself has temporary credentials.
Result<api::GetSessionTokenResponse> get_session_token(Call& call, api::GetSessionTokenRequest in,
                                                       const StsNeeds& needs);
// The account of a key of this server.
Result<api::GetAccessKeyInfoResponse> get_access_key_info(Call& call,
                                                          api::GetAccessKeyInfoRequest in,
                                                          const StsNeeds& needs);

// federation.cc
// Credentials for somebody by a name, who may what the caller and the request's policies both
// allow. Refuses a caller that itself has temporary credentials, and tags and policies as
// AssumeRole.
Result<api::GetFederationTokenResponse> get_federation_token(Call& call,
                                                             api::GetFederationTokenRequest in,
                                                             const StsNeeds& needs);

// assume_role.cc
// Asks the role's trust policy itself, together with the caller's policies: the frame, which knows
// no trust policies, leaves sts:AssumeRole to it.
//
// Refuses: AccessDenied where sts:AssumeRole, or sts:TagSession or sts:SetSourceIdentity where they
// are needed, is not allowed, and for a role that is not there or another account's, in the same
// words; ValidationError for a longer life than the role or a chain allows, and for a source
// identity or transitive tags that the calling session has fixed; InvalidParameterValue for tags
// that contradict each other; MalformedPolicyDocument; PackedPolicyTooLarge.
Result<api::AssumeRoleResponse> assume_role(Call& call, api::AssumeRoleRequest in,
                                            const StsNeeds& needs);

// web_identity.cc
// A role for who has a token of an OpenID Connect provider of the account: nobody signs, and the
// role's trust policy alone lets in, asked with what the token claims. Answers later where the
// issuer's keys must be fetched first.
//
// Refuses: InvalidIdentityToken for what is no JWT, for a token that is not for a client of the
// provider, whose claims the trust policy does not take, or whose signature does not hold;
// ExpiredTokenException; AccessDenied where the role names no provider of the account, denies what
// is claimed, or does not take a token that holds; ValidationError as AssumeRole.
Result<api::AssumeRoleWithWebIdentityResponse> assume_role_with_web_identity(
    Call& call, api::AssumeRoleWithWebIdentityRequest in, const StsNeeds& needs);

}  // namespace slipway::sts
