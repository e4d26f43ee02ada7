// Roles, as several files of this door need them.
#pragma once

#include "engine/identity/roles.h"
#include "service/iam/operations.h"

namespace slipway::iam {

// Where the roles lie that belong to a service of AWS: nobody else may change them.
inline constexpr std::string_view service_role_path = "/aws-service-role/";

inline bool is_service_role(const identity::Role& role) {
  return role.path.starts_with(service_role_path);
}

// What every answer tells of a role.
void fill(Call& call, const identity::Role& role, api::Role out);

// When a session of it asked for something last; empty: not since that is noted.
void fill_last_use(Call& call, const identity::Role& role, api::RoleLastUsed out);

// Its trust policy as answers show it.
std::string shown_trust_policy(Call& call, const identity::Role& role);

// UnmodifiableEntity for a role of a service.
Result<> require_changeable(Call& call, const identity::Owner& owner);

}  // namespace slipway::iam
