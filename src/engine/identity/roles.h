// Roles as they are stored. Errors and what roles share with others: owners.h.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/owners.h"
#include "engine/identity/principal_ids.h"
#include "engine/identity/tables.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t roles_max = 1'000;

// A role as it is stored: who may take it, and for how long.
struct Role {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;  // never used again
  std::string description;
  std::string trust_policy;  // JSON, as it came
  std::chrono::seconds session_time_max{3'600};
  std::optional<std::string> permissions_boundary;
  Timestamp created{};
  PrincipalIds trust_ids = {};  // of those that the trust policy names
};

Result<> create_role(store::Transaction& tx, const Role& role, std::span<const Tag> tags);
Result<Role> find_role(store::Transaction& tx, std::string_view account, std::string_view name);
Page<Role> list_roles(store::Transaction& tx, std::string_view account, const PageRequest& page);
// All but name, path, id, boundary and created.
Result<> update_role(store::Transaction& tx, const Role& role);
// in_use while a policy, inline or attached, is on it.
Result<> delete_role(store::Transaction& tx, std::string_view account, std::string_view name);

}  // namespace slipway::identity
