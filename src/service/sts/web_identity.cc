// A role by the word of an identity provider. Nothing of a token is believed before its signature
// holds: what it claims chooses among the account's own providers and, until then, can only refuse.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "engine/federation/web_token.h"
#include "engine/identity/access.h"
#include "engine/identity/account.h"
#include "engine/identity/sessions.h"
#include "service/errors.h"
#include "service/sts/credentials.h"
#include "service/sts/operations.h"
#include "service/sts/session_terms.h"
#include "service/sts/trust.h"
#include "wire/validate.h"

namespace slipway::sts {
namespace {

using namespace std::chrono_literals;
using federation::Issuer;
using federation::IssuerKeys;
using federation::KeySet;
using federation::WebToken;
using identity::ContextEntry;
using identity::Principal;
using identity::Provider;
using identity::SessionTerms;
using service::refuse;

constexpr std::string_view action = "sts:AssumeRoleWithWebIdentity";
constexpr std::chrono::seconds clock_skew_max = 5min;  // AWS's, as its users report it
constexpr std::chrono::seconds keys_awaited_max = 20s;

std::unexpected<Error> invalid_token() {
  return refuse("InvalidIdentityToken",
                "The web identity token provided could not be validated. See the "
                "AssumeRoleWithWebIdentity documentation for requirements.");
}

std::unexpected<Error> not_authorized() {
  return refuse("AccessDenied", fmt::format("Not authorized to perform {}", action));
}

// ---- Who vouches --------------------------------------------------------------------------------

// The providers of the account that the trust policy names, one for each.
std::vector<Provider> trusted_providers(Call& call, const identity::Role& role,
                                        const identity::Policy& trust) {
  const std::string head = fmt::format("arn:aws:iam::{}:oidc-provider/", role.account);
  std::set<std::string> names;
  for (const identity::Statement& statement : trust.statements())
    for (const identity::PrincipalPattern& principal : statement.principals)
      if (principal.kind == identity::PrincipalPattern::Kind::federated &&
          principal.name.starts_with(head))
        names.insert(principal.name.substr(head.size()));
  std::vector<Provider> out;
  for (const std::string& name : names)
    if (auto found = identity::find_provider(call.tx(), role.account, name);
        found && found->name == name)
      out.push_back(*std::move(found));
  return out;
}

constexpr std::string_view scheme = "https://";
constexpr std::size_t issuer_bytes_max = 255;  // of a provider's URL

std::string issuer_of(const Provider& provider) {
  return fmt::format("{}{}", scheme, provider.name);
}

// Whether the account has a provider for whom the token says that it comes from; the role may take
// others. A text that could be no provider's is not repeated.
Result<> check_registered(Call& call, const identity::Role& role, const WebToken& token) {
  const std::string issuer = token.text("iss").value_or("");
  const auto is_printable = [](char c) { return c > ' ' && c <= '~'; };
  if (!issuer.starts_with(scheme) || issuer.size() > issuer_bytes_max ||
      !std::ranges::all_of(issuer, is_printable))
    return invalid_token();
  if (identity::find_provider(call.tx(), role.account, issuer.substr(scheme.size()))) return {};
  return refuse("InvalidIdentityToken",
                fmt::format("No OpenIDConnect provider found in your account for {}", issuer));
}

// Whom the token is for: the party that asked for it, where it names one (OpenID Connect Core, 2).
struct Audience {
  std::string name;
  std::vector<std::string> originally = {};  // what "aud" says where "azp" stands in for it
};

Result<Audience> audience_of(const WebToken& token) {
  std::vector<std::string> given = token.texts("aud");
  if (auto party = token.text("azp"); party && !party->empty())
    return Audience{*std::move(party), std::move(given)};
  if (given.empty()) return invalid_token();
  if (given.size() == 1) return Audience{given.front()};
  return refuse("InvalidIdentityToken",
                "Token audience contains more than one audience while authorized party is not "
                "present");
}

// ---- What the token gives the session -----------------------------------------------------------

constexpr std::string_view tags_claim = "https://aws.amazon.com/tags";
constexpr std::string_view source_claim = "https://aws.amazon.com/source_identity";

// The first of a list, or the text itself.
std::optional<std::string> tag_value(const boost::json::value& value) {
  const boost::json::value* one = &value;
  if (value.is_array()) one = value.get_array().size() == 1 ? &value.get_array().front() : nullptr;
  if (one == nullptr || !one->is_string()) return std::nullopt;
  return std::string(one->get_string());
}

void add_transitive(const boost::json::value& value, SessionTerms& terms) {
  if (!value.is_array()) return;
  for (const boost::json::value& each : value.get_array())
    if (each.is_string()) terms.transitive_keys.push_back(to_lower(std::string(each.get_string())));
}

Result<> add_tag(std::string_view key, const boost::json::value& value, SessionTerms& terms) {
  auto text = tag_value(value);
  if (!text) return invalid_token();
  for (const auto& [other, _] : terms.tags)
    if (equal_ignoring_case(other, key)) return duplicate_tag();
  TRY_DO(expect_own_tag(key));
  terms.tags.emplace_back(key, *std::move(text));
  return {};
}

// In both of the forms that AWS documents: one nested claim, or one claim for each tag.
Result<> add_tags(const WebToken& token, SessionTerms& terms) {
  const std::string flat_tag = fmt::format("{}/principal_tags/", tags_claim);
  const std::string flat_keys = fmt::format("{}/transitive_tag_keys", tags_claim);
  for (const auto& [name, value] : token.document()) {
    const std::string_view claim(name);
    if (claim.starts_with(flat_tag)) TRY_DO(add_tag(claim.substr(flat_tag.size()), value, terms));
    if (claim == flat_keys) add_transitive(value, terms);
    if (claim != tags_claim || !value.is_object()) continue;
    const boost::json::object& nested = value.get_object();
    if (const auto* tags = nested.if_contains("principal_tags"); tags && tags->is_object())
      for (const auto& [key, each] : tags->get_object())
        TRY_DO(add_tag(std::string_view(key), each, terms));
    if (const auto* keys = nested.if_contains("transitive_tag_keys")) add_transitive(*keys, terms);
  }
  return {};
}

// Tags and source identity are held to what AssumeRole's are: policies compare them, and documents
// show them.
Result<> check_form(Call& call, const api::AssumeRoleWithWebIdentityRequest& in,
                    const SessionTerms& terms) {
  auto same = api::AssumeRoleRequest(call.arena())
                  .RoleArn(in.RoleArn())
                  .RoleSessionName(in.RoleSessionName());
  for (const auto& [key, value] : terms.tags) same.add_Tags().Key(key).Value(value);
  for (const std::string& key : terms.transitive_keys) same.add_TransitiveTagKeys(key);
  if (!terms.source_identity.empty()) same.SourceIdentity(terms.source_identity);
  if (!wire::validate(api::op::AssumeRole::operation(), same.node())) return invalid_token();
  return {};
}

Result<SessionTerms> read_terms(Call& call, const api::AssumeRoleWithWebIdentityRequest& in,
                                const WebToken& token) {
  SessionTerms terms;
  terms.issued = std::chrono::floor<std::chrono::seconds>(call.now());
  TRY_DO(add_tags(token, terms));
  terms.source_identity = token.text(source_claim).value_or("");
  TRY_DO(check_form(call, in, terms));
  return terms;
}

// ---- What the role says -------------------------------------------------------------------------

// Every claim that can be compared may be asked for; AWS knows those of its documentation.
// Condition keys are the same in any case and claims are not: of two that make one key the one in
// lower case is found, which is how the standard's are spelled.
std::vector<ContextEntry> claim_keys(const WebToken& token, const Provider& provider,
                                     const Audience& audience) {
  using Arity = ContextEntry::Arity;
  std::vector<ContextEntry> context;
  const auto add = [&](std::string_view claim, std::vector<std::string> values, Arity arity) {
    context.push_back({fmt::format("{}:{}", provider.name, claim), std::move(values), arity});
  };
  add("aud", {audience.name}, Arity::one);
  if (!audience.originally.empty())
    add("oaud", audience.originally, audience.originally.size() > 1 ? Arity::many : Arity::one);
  std::vector<WebToken::Claim> claims = token.claims();
  std::ranges::stable_partition(
      claims, [](const WebToken::Claim& claim) { return claim.name == to_lower(claim.name); });
  for (WebToken::Claim& claim : claims)
    if (!equal_ignoring_case(claim.name, "aud") && !equal_ignoring_case(claim.name, "oaud"))
      add(claim.name, std::move(claim.values), claim.is_list ? Arity::many : Arity::one);
  return context;
}

struct Trust {
  const identity::Role& role;
  const identity::Policy& policy;
  std::string provider_arn;
};

identity::PolicyDecision decision_of(Call& call, const api::AssumeRoleWithWebIdentityRequest& in,
                                     const Trust& trust, const SessionTerms& terms,
                                     std::vector<ContextEntry> context) {
  TrustQuestion question{.session_name = in.RoleSessionName(),
                         .seconds = in.DurationSeconds(),
                         .tags = terms.tags,
                         .transitive_keys = terms.transitive_keys};
  if (!terms.source_identity.empty()) question.source_identity = terms.source_identity;
  add_trust_keys(call, trust.role, question, context);
  const Principal guest{
      .kind = Principal::Kind::web_identity, .account = {}, .name = trust.provider_arn, .id = {}};
  const identity::ResourceSide side{trust.role.account, &trust.policy,
                                    identity::ResourceSide::Rule::own_side};
  std::vector<std::string_view> actions = {action};
  if (!terms.tags.empty()) actions.push_back("sts:TagSession");
  if (!terms.source_identity.empty()) actions.push_back("sts:SetSourceIdentity");
  auto decision = identity::PolicyDecision::allowed;
  for (const std::string_view each : actions) {
    const auto verdict = decide(guest, {}, {each, in.RoleArn(), context}, side);
    if (verdict.decision == identity::PolicyDecision::explicitly_denied) return verdict.decision;
    if (!verdict.allowed()) decision = verdict.decision;
  }
  return decision;
}

// ---- Whether the token holds --------------------------------------------------------------------

enum class Proof : std::uint8_t { holds, awaited };

// Keys that are not there are fetched, and the call waits for them.
Result<Proof> check_signature(Call& call, const WebToken& token, const Issuer& issuer,
                              const StsNeeds& needs) {
  using State = IssuerKeys::Lookup::State;
  IssuerKeys::Lookup found = needs.issuers.find(issuer);
  auto outcome = KeySet::Outcome::does_not_hold;
  if (found.state == State::ready) outcome = found.keys->check(token);
  if (outcome == KeySet::Outcome::unknown_key) {
    found = needs.issuers.refresh(issuer);
    if (found.state == State::ready) outcome = found.keys->check(token);
  }
  if (found.state == State::coming) {
    call.poll({.topic = IssuerKeys::topic(issuer), .time_max = keys_awaited_max});
    return Proof::awaited;
  }
  if (found.state == State::failed)
    return refuse("InvalidIdentityToken",
                  "Couldn't retrieve verification key from your identity provider,  please "
                  "reference AssumeRoleWithWebIdentity documentation for requirements");
  if (outcome != KeySet::Outcome::holds) return invalid_token();
  return Proof::holds;
}

Result<> check_times(const Call& call, const WebToken& token) {
  const std::int64_t now =
      std::chrono::floor<std::chrono::seconds>(call.now()).time_since_epoch().count();
  const auto ends = token.seconds("exp");
  if (!ends) return invalid_token();
  if (now > *ends + clock_skew_max.count())
    return refuse("ExpiredTokenException",
                  fmt::format("Token expired: current date/time {} must be before the expiration "
                              "date/time {}",
                              now, *ends));
  for (const std::string_view claim : {"iat", "sub"}) {
    const bool given =
        claim == "iat" ? token.seconds(claim).has_value() : !token.text(claim).value_or("").empty();
    if (!given)
      return refuse("InvalidIdentityToken", fmt::format("Missing a required claim: {}.", claim));
  }
  const std::int64_t begins = std::max(token.seconds("nbf").value_or(0), *token.seconds("iat"));
  return now < begins - clock_skew_max.count() ? invalid_token() : Result<>();
}

api::AssumeRoleWithWebIdentityResponse filled(Call& call, const Principal& principal,
                                              const identity::Session& session) {
  auto out = call.output<api::AssumeRoleWithWebIdentityResponse>();
  fill(out.make_Credentials(), session);
  out.make_AssumedRoleUser().AssumedRoleId(principal.id).Arn(principal.name);
  const SessionTerms& given = *principal.session;
  if (!given.source_identity.empty()) out.SourceIdentity(given.source_identity);
  if (is_packed(given)) out.PackedPolicySize(packed_percent(given));
  return out;
}

}  // namespace

Result<api::AssumeRoleWithWebIdentityResponse> assume_role_with_web_identity(
    Call& call, api::AssumeRoleWithWebIdentityRequest in, const StsNeeds& needs) {
  if (in.ProviderId())
    return fail(ErrorCode::not_implemented,
                "AssumeRoleWithWebIdentity with ProviderId is not implemented.");
  const auto parsed = WebToken::parse(in.WebIdentityToken());
  if (!parsed)
    return refuse("InvalidIdentityToken",
                  "The ID Token provided is not a valid JWT. (You may see this error if you sent "
                  "an Access Token)");
  const WebToken& token = *parsed;
  TRY(SessionTerms terms, read_terms(call, in, token));
  const auto role = role_of(call, in.RoleArn());
  if (!role) return not_authorized();
  TRY(const Audience audience, audience_of(token));

  TRY_DO(check_registered(call, *role, token));
  TRY(const identity::Policy trust, trust_policy_of(*role));
  const std::vector<Provider> trusted = trusted_providers(call, *role, trust);
  if (trusted.empty()) return not_authorized();
  const auto provider = std::ranges::find(trusted, token.text("iss").value_or(""), issuer_of);
  if (provider == trusted.end()) return invalid_token();
  const std::string arn =
      fmt::format("arn:aws:iam::{}:oidc-provider/{}", role->account, provider->name);
  const identity::PolicyDecision decision =
      decision_of(call, in, {*role, trust, arn}, terms, claim_keys(token, *provider, audience));
  if (decision == identity::PolicyDecision::explicitly_denied) return not_authorized();

  // A token that holds is told that it is for others or that the role does not take it, any other
  // that it is no good.
  const bool allowed = decision == identity::PolicyDecision::allowed;
  const bool for_us =
      std::ranges::find(provider->clients, audience.name) != provider->clients.end();
  const Issuer issuer{issuer_of(*provider), provider->thumbprints};
  const auto proof = check_signature(call, token, issuer, needs);
  if (!proof && !(allowed && for_us)) return invalid_token();
  if (!proof) return std::unexpected(proof.error());
  if (*proof == Proof::awaited) return call.output<api::AssumeRoleWithWebIdentityResponse>();
  TRY_DO(check_times(call, token));
  if (!for_us) return refuse("InvalidIdentityToken", "Incorrect token audience");
  if (!allowed) return not_authorized();

  // Only who is let in hears what there is: for how long the role, and which policies.
  const std::chrono::seconds life(in.DurationSeconds().value_or(session_seconds_default));
  TRY_DO(check_session_time(*role, life));
  TRY_DO(add_policies(in, needs, terms));
  const std::string subject = token.text("sub").value_or("");
  terms.provider_keys = {{"aws:FederatedProvider", arn},
                         {provider->name + ":aud", audience.name},
                         {provider->name + ":sub", subject}};
  TRY_DO(check_size(terms));
  const Principal principal = role_session(*role, in.RoleSessionName(), std::move(terms));
  TRY(const identity::Session session,
      needs.keys.issue(principal, identity::expiry(call.moment(), life), call.random()));
  return filled(call, principal, session)
      .SubjectFromWebIdentityToken(subject)
      .Provider(arn)
      .Audience(audience.name);
}

}  // namespace slipway::sts
