#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/text.h"
#include "engine/identity/access.h"
#include "engine/identity/policy.h"
#include "engine/identity/roles.h"
#include "engine/identity/sessions.h"
#include "service/errors.h"
#include "service/sts/credentials.h"
#include "service/sts/operations.h"
#include "service/sts/second_factor.h"
#include "service/sts/session_terms.h"
#include "service/sts/trust.h"

namespace slipway::sts {
namespace {

using namespace std::chrono_literals;
using identity::ContextEntry;
using identity::SessionTerms;
using identity::Tag;
using service::refuse;

constexpr std::chrono::seconds chained_session_max = 1h;

bool is_role_session(const Call& call) {
  return call.caller().principal.kind == identity::Principal::Kind::role_session;
}

// What the calling session was given and passes on; empty for a long-term key.
SessionTerms inherited(const Call& call) {
  SessionTerms out;
  const auto& session = call.caller().principal.session;
  if (!session) return out;
  out.source_identity = session->source_identity;
  out.transitive_keys = session->transitive_keys;
  for (const Tag& tag : session->tags)
    if (std::ranges::find(out.transitive_keys, to_lower(tag.first)) != out.transitive_keys.end())
      out.tags.push_back(tag);
  return out;
}

// ---- What the new session is given --------------------------------------------------------------

// The tags of the request, over those that are passed on.
Result<> add_tags(const api::AssumeRoleRequest& in, SessionTerms& terms) {
  std::set<std::string> given;
  for (const auto tag : in.Tags()) {
    TRY_DO(expect_own_tag(tag.Key()));
    const std::string key = to_lower(tag.Key());
    if (!given.insert(key).second) return duplicate_tag();
    if (std::ranges::find(terms.transitive_keys, key) != terms.transitive_keys.end())
      return refuse("InvalidParameterValue",
                    "One of the specified transitive tag keys can't be set because it conflicts "
                    "with a transitive tag key from the calling session.");
    terms.tags.emplace_back(tag.Key(), tag.Value());
  }
  for (const std::string_view key : in.TransitiveTagKeys()) {
    if (!given.contains(to_lower(key)))
      return refuse("InvalidParameterValue",
                    "The specified transitive tag key must be included in the requested tags.");
    terms.transitive_keys.push_back(to_lower(key));
  }
  return {};
}

Result<SessionTerms> read_terms(const Call& call, const api::AssumeRoleRequest& in,
                                const StsNeeds& needs) {
  if (!in.ProvidedContexts().empty())
    return fail(ErrorCode::not_implemented, "AssumeRole with ProvidedContexts is not implemented.");
  SessionTerms terms = inherited(call);
  terms.issued = std::chrono::floor<std::chrono::seconds>(call.now());
  TRY_DO(add_tags(in, terms));
  if (const auto identity = in.SourceIdentity()) {
    if (!terms.source_identity.empty() && terms.source_identity != *identity)
      return refuse("ValidationError",
                    "The source identity is already set for this assume role session");
    terms.source_identity = *identity;
  }
  TRY_DO(add_policies(in, needs, terms));
  TRY_DO(check_size(terms));
  return terms;
}

// ---- Whether the caller may ---------------------------------------------------------------------

// Whether this request came with a code of the caller's second factor. The role's session does not
// have it: as on AWS, only the trust policy can ask.
enum class Factor : std::uint8_t { none_now, shown_now };

// The keys that a trust policy can ask for. A transitive tag that comes with the caller stands in
// for the role's own of that key.
std::vector<ContextEntry> context_of(Call& call, const api::AssumeRoleRequest& in,
                                     const identity::Role& role, Factor factor) {
  std::vector<ContextEntry> context;
  // What is shown now counts before what the caller's session says: it is found first.
  if (factor == Factor::shown_now) {
    context.push_back({"aws:MultiFactorAuthPresent", {"true"}});
    context.push_back({"aws:MultiFactorAuthAge", {"0"}});
  }
  std::ranges::move(principal_context(call.caller().principal), std::back_inserter(context));
  if (in.ExternalId()) context.push_back({"sts:ExternalId", {std::string(*in.ExternalId())}});
  TrustQuestion question{.session_name = in.RoleSessionName(),
                         .seconds = in.DurationSeconds(),
                         .source_identity = in.SourceIdentity()};
  for (const auto tag : in.Tags()) question.tags.emplace_back(tag.Key(), tag.Value());
  for (const std::string_view key : in.TransitiveTagKeys())
    question.transitive_keys.emplace_back(key);
  question.carried = inherited(call).tags;
  add_trust_keys(call, role, question, context);
  return context;
}

std::unexpected<Error> not_authorized(const Call& call, std::string_view action,
                                      std::string_view role_arn) {
  return refuse("AccessDenied",
                fmt::format("User: {} is not authorized to perform: {} on resource: {}",
                            call.caller().principal.name, action, role_arn));
}

// Assuming a role is one action, giving the session tags and a source identity is one more each,
// those that come with the caller among them. All are asked of the same policies.
Result<> authorize(Call& call, const api::AssumeRoleRequest& in, const identity::Role& role,
                   const SessionTerms& terms, Factor factor, const StsNeeds& needs) {
  const identity::Principal& principal = call.caller().principal;
  TRY(const identity::PrincipalPolicies policies, needs.directory.policies_of(principal));
  TRY(const identity::Policy trust, trust_policy_of(role));
  const identity::ResourceSide side{role.account, &trust, identity::ResourceSide::Rule::own_side};
  const std::vector<ContextEntry> context = context_of(call, in, role, factor);
  std::vector<std::string_view> actions = {"sts:AssumeRole"};
  if (!terms.tags.empty()) actions.push_back("sts:TagSession");
  if (!terms.source_identity.empty()) actions.push_back("sts:SetSourceIdentity");
  for (const std::string_view action : actions)
    if (!decide(principal, policies, {action, in.RoleArn(), context}, side).allowed())
      return not_authorized(call, action, in.RoleArn());
  return {};
}

Result<identity::Role> role_to_assume(Call& call, std::string_view arn) {
  if (!parse_role_arn(arn)) return refuse("ValidationError", fmt::format("{} is invalid", arn));
  auto role = role_of(call, arn);
  if (!role) return not_authorized(call, "sts:AssumeRole", arn);
  return *std::move(role);
}

Result<> check_life(const Call& call, const identity::Role& role, std::chrono::seconds life) {
  TRY_DO(check_session_time(role, life));
  if (is_role_session(call) && life > chained_session_max)
    return refuse(
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
        "by role chaining.");
  return {};
}

}  // namespace

Result<api::AssumeRoleResponse> assume_role(Call& call, api::AssumeRoleRequest in,
                                            const StsNeeds& needs) {
  TRY(SessionTerms terms, read_terms(call, in, needs));
  TRY(const auto shown, take_factor(call, {in.SerialNumber(), in.TokenCode()}, needs));
  const Factor factor = shown ? Factor::shown_now : Factor::none_now;
  TRY(const identity::Role role, role_to_assume(call, in.RoleArn()));
  TRY_DO(authorize(call, in, role, terms, factor, needs));
  const std::chrono::seconds life(in.DurationSeconds().value_or(session_seconds_default));
  TRY_DO(check_life(call, role, life));

  const identity::Principal principal = role_session(role, in.RoleSessionName(), std::move(terms));
  TRY(const identity::Session session,
      needs.keys.issue(principal, identity::expiry(call.moment(), life), call.random()));
  auto out = call.output<api::AssumeRoleResponse>();
  fill(out.make_Credentials(), session);
  out.make_AssumedRoleUser().AssumedRoleId(principal.id).Arn(principal.name);
  const SessionTerms& given = *principal.session;
  if (!given.source_identity.empty()) out.SourceIdentity(given.source_identity);
  if (is_packed(given)) out.PackedPolicySize(packed_percent(given));
  return out;
}

}  // namespace slipway::sts
