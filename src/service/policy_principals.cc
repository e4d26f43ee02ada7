#include "service/policy_principals.h"

#include <fmt/format.h>

#include "base/text.h"
#include "engine/identity/roles.h"
#include "engine/identity/users.h"
#include "service/arn.h"

namespace slipway::service {
namespace {

using identity::Owner;
using identity::PrincipalPattern;

std::unexpected<Error> invalid(std::string_view name) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("Invalid principal in policy: \"AWS\":\"{}\"", name), "malformed_policy");
}

// "AIDA..." or "AROA...": the id of somebody who is no more, as a stored policy shows it.
bool is_id(std::string_view name) {
  constexpr std::size_t id_size_min = 16;
  return name.size() >= id_size_min && (name.starts_with("AIDA") || name.starts_with("AROA")) &&
         name.find_first_of(":/") == std::string_view::npos;
}

// What names a user or role of the account itself, and not a session or another account's.
bool is_own_party(const Call& call, const Arn& arn) {
  return arn.service == "iam" && arn.account == call.account();
}

bool is_there(Call& call, std::string_view arn, std::string_view id) {
  const auto found = id_of_principal(call, arn);
  return found && *found == id;
}

}  // namespace

std::optional<std::string> id_of_principal(Call& call, std::string_view text) {
  const auto arn = parse_arn(text);
  if (!arn || !is_own_party(call, *arn)) return std::nullopt;
  const std::string_view name = arn->resource.substr(arn->resource.rfind('/') + 1);
  if (arn->resource.starts_with("user/")) {
    const auto user = identity::find_user(call.tx(), call.account(), name);
    if (user &&
        identity::arn_of({Owner::Kind::user, user->account, user->name}, user->path) == text)
      return user->id;
  } else if (arn->resource.starts_with("role/")) {
    const auto role = identity::find_role(call.tx(), call.account(), name);
    if (role &&
        identity::arn_of({Owner::Kind::role, role->account, role->name}, role->path) == text)
      return role->id;
  }
  return std::nullopt;
}

Result<identity::PrincipalIds> principal_ids(Call& call, const identity::Policy& policy) {
  identity::PrincipalIds ids;
  for (const identity::Statement& statement : policy.statements())
    for (const PrincipalPattern& pattern : statement.principals) {
      if (pattern.kind != PrincipalPattern::Kind::party || is_id(pattern.name)) continue;
      const auto arn = parse_arn(pattern.name);
      if (!arn || (arn->service != "iam" && arn->service != "sts")) return invalid(pattern.name);
      if (!is_own_party(call, *arn)) continue;
      auto id = id_of_principal(call, pattern.name);
      if (!id) return invalid(pattern.name);
      ids.emplace_back(pattern.name, *std::move(id));
    }
  return ids;
}

std::string shown_policy(Call& call, std::string text, const identity::PrincipalIds& ids) {
  for (const auto& [arn, id] : ids) {
    if (is_there(call, arn, id)) continue;
    const std::string quoted = fmt::format("\"{}\"", arn);
    for (std::size_t at = text.find(quoted); at != std::string::npos; at = text.find(quoted, at))
      text.replace(at + 1, arn.size(), id);
  }
  return text;
}

}  // namespace slipway::service
