#include "service/sts/sts.h"

#include <fmt/format.h>

#include <vector>

#include "engine/identity/sessions.h"
#include "service/errors.h"
#include "service/sts/credentials.h"
#include "service/sts/operations.h"
#include "service/sts/second_factor.h"
#include "wire/auth/sigv4.h"

namespace slipway::sts {
namespace {

using identity::Principal;
using service::refuse;

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDenied", 403},
    {"AccessDenied", "AccessDenied", 403},
    {"ValidationError", "ValidationError", 400},
    {"InvalidParameterValue", "InvalidParameterValue", 400},
    {"InvalidClientTokenId", "InvalidClientTokenId", 403},
    {"unknown_key", "InvalidClientTokenId", 403},
    {"malformed_policy", "MalformedPolicyDocument", 400},
    {"MalformedPolicyDocument", "MalformedPolicyDocument", 400},
    {"limit_exceeded", "PackedPolicyTooLarge", 400},
    {"token_too_large", "PackedPolicyTooLarge", 400},
    {"PackedPolicyTooLarge", "PackedPolicyTooLarge", 400},
    {"InvalidIdentityToken", "InvalidIdentityToken", 400},
    {"ExpiredTokenException", "ExpiredTokenException", 400},
};

// Whose key the request names, where that is one of ours. With `--auth none` nothing is checked and
// all ask as the root, but programs ask who a role's credentials make them.
Principal named_principal(Call& call, const StsNeeds& needs) {
  const service::Caller& caller = call.caller();
  if (!call.http()) return caller.principal;
  const net::RequestHead& head = call.http()->head();
  std::vector<wire::HeaderPair> headers;
  for (const net::Header& header : head.headers) headers.emplace_back(header.name, header.value);
  const auto claim = wire::parse_authorization(
      {.method = head.method, .path = head.path, .query = head.query, .headers = headers},
      wire::AuthDialect::query);
  if (!claim || claim->scope.access_key_id == caller.access_key_id) return caller.principal;
  const auto key =
      needs.keys.find(claim->scope.access_key_id, claim->session_token, call.moment().server);
  return key ? (*key)->principal : caller.principal;
}

}  // namespace

Result<api::GetCallerIdentityResponse> get_caller_identity(Call& call,
                                                           api::GetCallerIdentityRequest,
                                                           const StsNeeds& needs) {
  const Principal principal = named_principal(call, needs);
  return call.output<api::GetCallerIdentityResponse>()
      .UserId(user_id(principal))
      .Account(principal.account)
      .Arn(principal.name);
}

Result<api::GetSessionTokenResponse> get_session_token(Call& call, api::GetSessionTokenRequest in,
                                                       const StsNeeds& needs) {
  const Principal& principal = call.caller().principal;
  if (principal.kind != Principal::Kind::root && principal.kind != Principal::Kind::user)
    return refuse("AccessDenied", "Cannot call GetSessionToken with session credentials");
  TRY(const auto factor, take_factor(call, {in.SerialNumber(), in.TokenCode()}, needs));
  const std::chrono::seconds life = life_by_key(principal, in.DurationSeconds());
  TRY(const identity::Session session,
      needs.keys.issue(session_of_key(principal, call.now(), factor),
                       identity::expiry(call.moment(), life), call.random()));
  auto out = call.output<api::GetSessionTokenResponse>();
  fill(out.make_Credentials(), session);
  return out;
}

Result<api::GetAccessKeyInfoResponse> get_access_key_info(Call& call,
                                                          api::GetAccessKeyInfoRequest in,
                                                          const StsNeeds& needs) {
  const auto key = needs.keys.find(in.AccessKeyId(), "", call.moment().server);
  if (!key)
    return refuse("ValidationError", fmt::format("Invalid Access Key ID {}.", in.AccessKeyId()));
  return call.output<api::GetAccessKeyInfoResponse>().Account((*key)->principal.account);
}

void install(service::Registry& registry, const identity::KeyRing& keys,
             const identity::Directory& directory, store::Store& store,
             federation::IssuerKeys& issuers) {
  namespace op = api::op;
  const StsNeeds needs{keys, directory, store, issuers};
  const auto with_needs = [needs]<typename Answer, typename Input>(
                              Answer (*handler)(Call&, Input, const StsNeeds&)) {
    return [needs, handler](Call& call, Input in) { return handler(call, std::move(in), needs); };
  };
  registry.begin(api::schema(), errors)
      .add<op::GetCallerIdentity>(with_needs(get_caller_identity))
      .add<op::AssumeRole>(with_needs(assume_role))
      .add<op::AssumeRoleWithWebIdentity>(with_needs(assume_role_with_web_identity))
      .add<op::GetSessionToken>(with_needs(get_session_token))
      .add<op::GetFederationToken>(with_needs(get_federation_token))
      .add<op::GetAccessKeyInfo>(with_needs(get_access_key_info));
}

}  // namespace slipway::sts
