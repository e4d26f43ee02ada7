#include "service/execution_role.h"

#include <fmt/format.h>

#include "engine/identity/access.h"
#include "engine/identity/owners.h"
#include "engine/identity/sessions.h"
#include "service/arn.h"

namespace slipway::service {
namespace {

constexpr AssumingService sagemaker{execution_service, "SageMaker"};

// "path/name" of "arn:aws:iam::000000000000:role/path/name".
std::optional<std::string_view> role_path(const Arn& arn) {
  constexpr std::string_view prefix = "role/";
  if (arn.service != "iam" || !arn.resource.starts_with(prefix)) return std::nullopt;
  return arn.resource.substr(prefix.size());
}

// The service itself assumes the role, so the role must let it.
Result<> check_trust(const AssumingService& service, const identity::Role& role,
                     std::string_view arn, Timestamp now) {
  const identity::Principal asker{.kind = identity::Principal::Kind::service,
                                  .account = {},
                                  .name = std::string(service.principal),
                                  .id = {}};
  TRY(const identity::Policy trust,
      identity::Policy::parse(role.trust_policy, identity::PolicyUse::trust));
  std::vector<identity::ContextEntry> context = identity::principal_context(asker);
  context.push_back({"aws:CurrentTime", {to_iso8601(now)}});
  context.push_back({"aws:SourceAccount", {role.account}});
  const auto verdict =
      identity::decide(asker, {}, {"sts:AssumeRole", arn, context},
                       {role.account, &trust, identity::ResourceSide::Rule::own_side});
  if (verdict.allowed()) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("Could not assume role {}. Please ensure that the role exists and allows "
                          "principal '{}' to assume the role.",
                          arn, service.principal));
}

}  // namespace

Result<std::optional<identity::Role>> find_execution_role(store::Transaction& tx,
                                                          std::string_view text) {
  const auto arn = parse_arn(text);
  const auto path = arn ? role_path(*arn) : std::nullopt;
  if (!path) return std::nullopt;
  auto role = identity::find_role(tx, arn->account, path->substr(path->rfind('/') + 1));
  if (!role && role.error().code == ErrorCode::not_found) return std::nullopt;
  if (!role) return std::unexpected(std::move(role).error());
  if (role->path + role->name != fmt::format("/{}", *path)) return std::nullopt;
  return *std::move(role);
}

Result<identity::Principal> assume_execution_role(const identity::Role& role, Timestamp now) {
  return assume_role_as(sagemaker, role, now);
}

Result<identity::Principal> assume_role_as(const AssumingService& service,
                                           const identity::Role& role, Timestamp now) {
  const std::string arn =
      identity::arn_of({identity::Owner::Kind::role, role.account, role.name}, role.path);
  TRY_DO(check_trust(service, role, arn, now));
  return identity::role_session(role, service.session_name, {.issued = now});
}

}  // namespace slipway::service
