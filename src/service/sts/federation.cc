#include <set>

#include "base/text.h"
#include "engine/identity/sessions.h"
#include "service/sts/credentials.h"
#include "service/sts/session_terms.h"

namespace slipway::sts {
namespace {

using identity::Principal;
using identity::SessionTerms;
using service::refuse;

Result<SessionTerms> read_terms(const Call& call, const api::GetFederationTokenRequest& in,
                                const StsNeeds& needs) {
  SessionTerms terms;
  terms.issued = std::chrono::floor<std::chrono::seconds>(call.now());
  std::set<std::string> given;
  for (const auto tag : in.Tags()) {
    TRY_DO(expect_own_tag(tag.Key()));
    if (!given.insert(to_lower(tag.Key())).second) return duplicate_tag();
    terms.tags.emplace_back(tag.Key(), tag.Value());
  }
  TRY_DO(add_policies(in, needs, terms));
  TRY_DO(check_size(terms));
  return terms;
}

}  // namespace

Result<api::GetFederationTokenResponse> get_federation_token(Call& call,
                                                             api::GetFederationTokenRequest in,
                                                             const StsNeeds& needs) {
  const Principal& giver = call.caller().principal;
  if (giver.kind != Principal::Kind::root && giver.kind != Principal::Kind::user)
    return refuse("AccessDenied", "Cannot call GetFederationToken with session credentials");
  TRY(SessionTerms terms, read_terms(call, in, needs));
  const std::chrono::seconds life = life_by_key(giver, in.DurationSeconds());
  const Principal guest = federated_user(giver, in.Name(), std::move(terms));
  TRY(const identity::Session session,
      needs.keys.issue(guest, identity::expiry(call.moment(), life), call.random()));
  auto out = call.output<api::GetFederationTokenResponse>();
  fill(out.make_Credentials(), session);
  out.make_FederatedUser().FederatedUserId(user_id(guest)).Arn(guest.name);
  if (is_packed(*guest.session)) out.PackedPolicySize(packed_percent(*guest.session));
  return out;
}

}  // namespace slipway::sts
