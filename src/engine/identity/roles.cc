#include "engine/identity/roles.h"

#include <fmt/format.h>

#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr store::Migration all_migrations[] = {{"identity", 1, R"(
  CREATE TABLE identity_roles (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, description TEXT NOT NULL, trust_policy TEXT NOT NULL,
    session_seconds INTEGER NOT NULL, permissions_boundary TEXT, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_inline_policies (
    account TEXT NOT NULL, role_key TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (account, role_key, name)) WITHOUT ROWID;
  CREATE TABLE identity_attachments (
    account TEXT NOT NULL, role_key TEXT NOT NULL, policy TEXT NOT NULL,
    PRIMARY KEY (account, role_key, policy)) WITHOUT ROWID;
  CREATE INDEX identity_attachments_by_policy ON identity_attachments (account, policy);
  CREATE TABLE identity_policies (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, description TEXT NOT NULL, document TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_tags (
    account TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (account, owner, key)) WITHOUT ROWID;
)"}};

constexpr std::string_view role_columns =
    "account, name, path, id, description, trust_policy, session_seconds, permissions_boundary, "
    "created";

Role role_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .description = std::string(rows.text(4)),
          .trust_policy = std::string(rows.text(5)),
          .session_time_max = std::chrono::seconds(rows.integer(6)),
          .permissions_boundary = rows.optional_text(7),
          .created = time_of(rows.integer(8))};
}

std::int64_t count_rows(store::Transaction& tx, std::string_view table, RoleName role) {
  auto rows =
      tx.query(fmt::format("SELECT count(*) FROM {} WHERE account = ?1 AND role_key = ?2", table),
               role.account, key_of(role.name));
  return rows.next() ? rows.integer(0) : 0;
}

Result<> check_inline_size(store::Transaction& tx, RoleName role, std::string_view policy_name,
                           std::string_view document) {
  auto rows = tx.query(
      "SELECT coalesce(sum(length(document)), 0) FROM identity_inline_policies "
      "WHERE account = ?1 AND role_key = ?2 AND name <> ?3",
      role.account, key_of(role.name), policy_name);
  const std::int64_t others = rows.next() ? rows.integer(0) : 0;
  if (static_cast<std::size_t>(others) + document.size() <= inline_policies_bytes_max) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Maximum policy size of {} bytes exceeded for role {}",
                          inline_policies_bytes_max, role.name));
}

}  // namespace

std::span<const store::Migration> migrations() { return all_migrations; }

Result<> require_role(store::Transaction& tx, RoleName role) {
  auto rows = tx.query("SELECT 1 FROM identity_roles WHERE account = ?1 AND name_key = ?2",
                       role.account, key_of(role.name));
  if (rows.next()) return {};
  return fail(ErrorCode::not_found,
              fmt::format("The role with name {} cannot be found.", role.name), "no_role");
}

Result<> create_role(store::Transaction& tx, const Role& role, std::span<const Tag> tags) {
  if (require_role(tx, {role.account, role.name}))
    return fail(ErrorCode::already_exists,
                fmt::format("Role with name {} already exists.", role.name));
  auto counted = tx.query("SELECT count(*) FROM identity_roles WHERE account = ?1", role.account);
  if (counted.next() && counted.integer(0) >= std::int64_t{roles_max})
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Cannot exceed quota for RolesPerAccount: {}", roles_max));
  tx.run(
      "INSERT INTO identity_roles (account, name_key, name, path, id, description, trust_policy, "
      "session_seconds, permissions_boundary, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      role.account, key_of(role.name), role.name, role.path, role.id, role.description,
      role.trust_policy, role.session_time_max.count(), role.permissions_boundary,
      number_of(role.created));
  return put_tags(tx, {TagOwner::Kind::role, role.account, role.name}, tags);
}

Result<Role> find_role(store::Transaction& tx, std::string_view account, std::string_view name) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM identity_roles WHERE account = ?1 AND name_key = ?2",
                           role_columns),
               account, key_of(name));
  if (rows.next()) return role_of(rows);
  return fail(ErrorCode::not_found, fmt::format("The role with name {} cannot be found.", name),
              "no_role");
}

Page<Role> list_roles(store::Transaction& tx, std::string_view account, const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM identity_roles WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           role_columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<Role>(rows, page, role_of);
}

Result<> update_role(store::Transaction& tx, const Role& role) {
  const std::int64_t changed = tx.run(
      "UPDATE identity_roles SET description = ?3, trust_policy = ?4, session_seconds = ?5, "
      "permissions_boundary = ?6 WHERE account = ?1 AND name_key = ?2",
      role.account, key_of(role.name), role.description, role.trust_policy,
      role.session_time_max.count(), role.permissions_boundary);
  return changed > 0 ? Result<>{} : require_role(tx, {role.account, role.name});
}

Result<> delete_role(store::Transaction& tx, std::string_view account, std::string_view name) {
  const RoleName role{account, name};
  TRY_DO(require_role(tx, role));
  if (count_rows(tx, "identity_attachments", role) > 0)
    return fail(ErrorCode::in_use, "Cannot delete entity, must detach all policies first.",
                "has_attachments");
  if (count_rows(tx, "identity_inline_policies", role) > 0)
    return fail(ErrorCode::in_use, "Cannot delete entity, must delete policies first.",
                "has_policies");
  tx.run("DELETE FROM identity_tags WHERE account = ?1 AND owner = ?2", account,
         owner_key({TagOwner::Kind::role, account, name}));
  tx.run("DELETE FROM identity_roles WHERE account = ?1 AND name_key = ?2", account, key_of(name));
  return {};
}

Result<> put_inline_policy(store::Transaction& tx, RoleName role, std::string_view policy_name,
                           std::string_view document) {
  TRY_DO(require_role(tx, role));
  TRY_DO(check_inline_size(tx, role, policy_name, document));
  tx.run(
      "INSERT OR REPLACE INTO identity_inline_policies (account, role_key, name, document) "
      "VALUES (?1, ?2, ?3, ?4)",
      role.account, key_of(role.name), policy_name, document);
  return {};
}

Result<std::string> find_inline_policy(store::Transaction& tx, RoleName role,
                                       std::string_view policy_name) {
  TRY_DO(require_role(tx, role));
  auto rows = tx.query(
      "SELECT document FROM identity_inline_policies "
      "WHERE account = ?1 AND role_key = ?2 AND name = ?3",
      role.account, key_of(role.name), policy_name);
  if (rows.next()) return std::string(rows.text(0));
  return fail(ErrorCode::not_found,
              fmt::format("The role policy with name {} cannot be found.", policy_name),
              "no_inline_policy");
}

Result<Page<std::string>> list_inline_policies(store::Transaction& tx, RoleName role,
                                               const PageRequest& page) {
  TRY_DO(require_role(tx, role));
  auto rows = tx.query(
      "SELECT name FROM identity_inline_policies WHERE account = ?1 AND role_key = ?2 AND name > "
      "?3 "
      "ORDER BY name LIMIT ?4",
      role.account, key_of(role.name), page.after, page.items_max + 1);
  return page_of<std::string>(rows, page,
                              [](const store::Rows& row) { return std::string(row.text(0)); });
}

Result<> delete_inline_policy(store::Transaction& tx, RoleName role, std::string_view policy_name) {
  TRY_DO(find_inline_policy(tx, role, policy_name));
  tx.run("DELETE FROM identity_inline_policies WHERE account = ?1 AND role_key = ?2 AND name = ?3",
         role.account, key_of(role.name), policy_name);
  return {};
}

Result<> attach_policy(store::Transaction& tx, RoleName role, std::string_view policy) {
  TRY_DO(require_role(tx, role));
  tx.run(
      "INSERT OR IGNORE INTO identity_attachments (account, role_key, policy) VALUES (?1, ?2, ?3)",
      role.account, key_of(role.name), policy);
  if (count_rows(tx, "identity_attachments", role) <= std::int64_t{attached_policies_max})
    return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Cannot exceed quota for PoliciesPerRole: {}", attached_policies_max));
}

Result<> detach_policy(store::Transaction& tx, RoleName role, std::string_view policy) {
  TRY_DO(require_role(tx, role));
  const std::int64_t removed = tx.run(
      "DELETE FROM identity_attachments WHERE account = ?1 AND role_key = ?2 AND policy = ?3",
      role.account, key_of(role.name), policy);
  if (removed > 0) return {};
  return fail(ErrorCode::not_found, fmt::format("Policy {} was not found.", policy),
              "no_attachment");
}

Result<Page<std::string>> list_attached_policies(store::Transaction& tx, RoleName role,
                                                 const PageRequest& page) {
  TRY_DO(require_role(tx, role));
  auto rows = tx.query(
      "SELECT policy FROM identity_attachments WHERE account = ?1 AND role_key = ?2 AND policy > "
      "?3 "
      "ORDER BY policy LIMIT ?4",
      role.account, key_of(role.name), page.after, page.items_max + 1);
  return page_of<std::string>(rows, page,
                              [](const store::Rows& row) { return std::string(row.text(0)); });
}

}  // namespace slipway::identity
