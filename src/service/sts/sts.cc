#include "service/sts/sts.h"

#include <fmt/format.h>

#include "engine/identity/policy.h"
#include "engine/identity/roles.h"
#include "service/errors.h"
#include "service/sts/operations.h"

namespace slipway::sts {
namespace {

using namespace std::chrono_literals;
using service::refuse;

constexpr std::int64_t assume_role_seconds_default = 3'600;
constexpr std::chrono::seconds chained_session_max = 1h;
constexpr std::int64_t session_token_seconds_default = 43'200;
// What AWS packs session policies and tags into; only ever shown as a percentage.
constexpr std::size_t packed_policy_bytes_max = 2'048;

constexpr service::ErrorRow errors[] = {
    {"AccessDenied", "AccessDenied", 403},
    {"ValidationError", "ValidationError", 400},
    {"malformed_policy", "MalformedPolicyDocument", 400},
    {"limit_exceeded", "PackedPolicyTooLarge", 400},
};

struct RoleArn {
  std::string_view account;
  std::string_view name;
};

// "arn:aws:iam::123456789012:role/path/name"
std::optional<RoleArn> parse_role_arn(std::string_view arn) {
  constexpr std::string_view prefix = "arn:aws:iam::";
  constexpr std::string_view kind = ":role/";
  constexpr std::size_t account_digits = 12;
  if (!arn.starts_with(prefix) || arn.size() < prefix.size() + account_digits) return std::nullopt;
  const std::string_view account = arn.substr(prefix.size(), account_digits);
  const std::string_view rest = arn.substr(prefix.size() + account_digits);
  if (!rest.starts_with(kind) || rest.ends_with('/')) return std::nullopt;
  return RoleArn{account, rest.substr(rest.rfind('/') + 1)};
}

std::unexpected<Error> not_authorized(const Call& call, std::string_view role_arn) {
  return refuse("AccessDenied",
                fmt::format("User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                            call.caller().principal.name, role_arn));
}

Result<identity::Role> role_to_assume(Call& call, std::string_view arn) {
  const auto parsed = parse_role_arn(arn);
  if (!parsed) return refuse("ValidationError", fmt::format("{} is invalid", arn));
  if (parsed->account != call.account()) return not_authorized(call, arn);
  auto role = identity::find_role(call.tx(), call.account(), parsed->name);
  if (!role) return not_authorized(call, arn);
  return role;
}

Result<> check_life(const Call& call, const identity::Role& role, std::chrono::seconds life) {
  if (life > role.session_time_max)
    return refuse(
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  const bool chained = call.caller().principal.kind == identity::Principal::Kind::role_session;
  if (chained && life > chained_session_max)
    return refuse(
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
        "by role chaining");
  return {};
}

// AWS tells expiry in whole seconds.
Timestamp expiry(const Call& call, std::chrono::seconds life) {
  return std::chrono::floor<std::chrono::seconds>(call.now()) + life;
}

void fill(api::Credentials out, const identity::Session& session) {
  out.AccessKeyId(session.keys.access_key_id)
      .SecretAccessKey(session.keys.secret)
      .SessionToken(session.token)
      .Expiration(session.expires);
}

std::size_t packed_bytes(const api::AssumeRoleRequest& in) {
  std::size_t bytes = in.Policy().value_or("").size();
  for (const auto tag : in.Tags()) bytes += tag.Key().size() + tag.Value().size();
  for (const auto policy : in.PolicyArns()) bytes += policy.arn().value_or("").size();
  return bytes;
}

}  // namespace

Result<api::GetCallerIdentityResponse> get_caller_identity(Call& call,
                                                           api::GetCallerIdentityRequest) {
  const identity::Principal& principal = call.caller().principal;
  return call.output<api::GetCallerIdentityResponse>()
      .UserId(principal.id)
      .Account(principal.account)
      .Arn(principal.name);
}

Result<api::AssumeRoleResponse> assume_role(Call& call, api::AssumeRoleRequest in,
                                            const identity::KeyRing& keys) {
  TRY(const identity::Role role, role_to_assume(call, in.RoleArn()));
  const std::chrono::seconds life(in.DurationSeconds().value_or(assume_role_seconds_default));
  TRY_DO(check_life(call, role, life));
  if (const auto policy = in.Policy())
    TRY_DO(identity::Policy::parse(*policy, identity::PolicyUse::permissions));

  const std::string_view session_name = in.RoleSessionName();
  const identity::Principal principal{.kind = identity::Principal::Kind::role_session,
                                      .account = call.account(),
                                      .name = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}",
                                                          call.account(), role.name, session_name),
                                      .id = fmt::format("{}:{}", role.id, session_name)};
  TRY(const identity::Session session, keys.issue(principal, expiry(call, life), call.random()));

  auto out = call.output<api::AssumeRoleResponse>();
  fill(out.make_Credentials(), session);
  out.make_AssumedRoleUser().AssumedRoleId(principal.id).Arn(principal.name);
  if (in.SourceIdentity()) out.SourceIdentity(in.SourceIdentity());
  if (const std::size_t bytes = packed_bytes(in); bytes > 0)
    out.PackedPolicySize(static_cast<std::int32_t>(1 + bytes * 99 / packed_policy_bytes_max));
  return out;
}

Result<api::GetSessionTokenResponse> get_session_token(Call& call, api::GetSessionTokenRequest in,
                                                       const identity::KeyRing& keys) {
  identity::Principal principal = call.caller().principal;
  if (principal.kind != identity::Principal::Kind::root)
    return refuse("AccessDenied", "Cannot call GetSessionToken with session credentials");
  principal.kind = identity::Principal::Kind::root_session;
  const std::chrono::seconds life(in.DurationSeconds().value_or(session_token_seconds_default));
  TRY(const identity::Session session, keys.issue(principal, expiry(call, life), call.random()));
  auto out = call.output<api::GetSessionTokenResponse>();
  fill(out.make_Credentials(), session);
  return out;
}

void install(service::Registry& registry, const identity::KeyRing& keys) {
  namespace op = api::op;
  registry.begin(api::schema(), errors)
      .add<op::GetCallerIdentity>(get_caller_identity)
      .add<op::AssumeRole>(
          [&keys](Call& call, api::AssumeRoleRequest in) { return assume_role(call, in, keys); })
      .add<op::GetSessionToken>([&keys](Call& call, api::GetSessionTokenRequest in) {
        return get_session_token(call, in, keys);
      });
}

}  // namespace slipway::sts
