#include "engine/identity/roles.h"

#include <fmt/format.h>

#include "engine/identity/account.h"
#include "engine/identity/last_used.h"
#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr Quota quota{"identity_roles", "RolesPerAccount", roles_max};

constexpr std::string_view columns =
    "account, name, path, id, description, trust_policy, session_seconds, permissions_boundary, "
    "created, trust_ids";

Role role_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .description = std::string(rows.text(4)),
          .trust_policy = std::string(rows.text(5)),
          .session_time_max = std::chrono::seconds(rows.integer(6)),
          .permissions_boundary = rows.optional_text(7),
          .created = time_of(rows.integer(8)),
          .trust_ids = principal_ids_of(rows.text(9))};
}

Owner owner_of(const Role& role) { return {Owner::Kind::role, role.account, role.name}; }

}  // namespace

Result<> create_role(store::Transaction& tx, const Role& role, std::span<const Tag> tags) {
  if (require(tx, owner_of(role)))
    return fail(ErrorCode::already_exists,
                fmt::format("Role with name {} already exists.", role.name));
  TRY_DO(require_room(tx, role.account, quota));
  tx.run(
      "INSERT INTO identity_roles (account, name_key, name, path, id, description, trust_policy, "
      "session_seconds, permissions_boundary, created, trust_ids) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
      role.account, key_of(role.name), role.name, role.path, role.id, role.description,
      role.trust_policy, role.session_time_max.count(), role.permissions_boundary,
      number_of(role.created), lines_of(role.trust_ids));
  return put_tags(tx, owner_of(role), tags);
}

Result<Role> find_role(store::Transaction& tx, std::string_view account, std::string_view name) {
  auto rows = tx.query(
      fmt::format("SELECT {} FROM identity_roles WHERE account = ?1 AND name_key = ?2", columns),
      account, key_of(name));
  if (rows.next()) return role_of(rows);
  return fail(ErrorCode::not_found, fmt::format("The role with name {} cannot be found.", name),
              "no_role");
}

Page<Role> list_roles(store::Transaction& tx, std::string_view account, const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM identity_roles WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<Role>(rows, page, role_of);
}

Result<> update_role(store::Transaction& tx, const Role& role) {
  TRY_DO(require(tx, owner_of(role)));
  tx.run(
      "UPDATE identity_roles SET description = ?3, trust_policy = ?4, session_seconds = ?5, "
      "trust_ids = ?6 WHERE account = ?1 AND name_key = ?2",
      role.account, key_of(role.name), role.description, role.trust_policy,
      role.session_time_max.count(), lines_of(role.trust_ids));
  touch(tx, owner_of(role));
  return {};
}

Result<> delete_role(store::Transaction& tx, std::string_view account, std::string_view name) {
  const Owner role{Owner::Kind::role, account, name};
  TRY(const Role found, find_role(tx, account, name));
  TRY_DO(require_no_policies(tx, role));
  if (!list_instance_profiles_of(tx, role, {.items_max = 1}).items.empty())
    return fail(ErrorCode::in_use,
                "Cannot delete entity, must remove roles from instance profile first.",
                "has_roles");
  touch(tx, role);
  forget_uses(tx, account, found.id);
  tags::erase_all(tx, tagged(role));
  tx.run("DELETE FROM identity_roles WHERE account = ?1 AND name_key = ?2", account, key_of(name));
  return {};
}

}  // namespace slipway::identity
