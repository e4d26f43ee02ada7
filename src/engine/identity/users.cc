// Users and access keys: the first half of users.h.
#include "engine/identity/users.h"

#include <fmt/format.h>

#include "engine/identity/last_used.h"
#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr Quota quota{"identity_users", "UsersPerAccount", users_max};

constexpr std::string_view columns =
    "account, name, path, id, permissions_boundary, created FROM identity_users";

User user_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .permissions_boundary = rows.optional_text(4),
          .created = time_of(rows.integer(5))};
}

Owner owner_of(const User& user) { return {Owner::Kind::user, user.account, user.name}; }

std::unexpected<Error> exists(std::string_view name) {
  return fail(ErrorCode::already_exists, fmt::format("User with name {} already exists.", name));
}

std::unexpected<Error> no_key(std::string_view key_id) {
  return fail(ErrorCode::not_found,
              fmt::format("The Access Key with id {} cannot be found.", key_id), "no_access_key");
}

// What must go before its user does, and how AWS says so.
struct Held {
  std::string_view table;
  std::string_view sentence;
  std::string_view which = "1";  // of the user's rows
};
constexpr Held held[] = {
    {"identity_passwords", "Cannot delete entity, must delete login profile first."},
    {"identity_mfa_devices", "Cannot delete entity, must delete MFA device first."},
    {"identity_user_uploads", "Cannot delete entity, must delete certificates first.", "kind = 1"},
    {"identity_user_uploads", "Cannot delete entity, must remove referenced objects first."},
};

Result<> require_nothing_held(store::Transaction& tx, const User& user) {
  for (const auto& [table, sentence, which] : held) {
    const std::string query = fmt::format(
        "SELECT 1 FROM {} WHERE account = ?1 AND user_key = ?2 AND {} LIMIT 1", table, which);
    if (tx.query(query, user.account, key_of(user.name)).next())
      return fail(ErrorCode::in_use, std::string(sentence));
  }
  return {};
}

}  // namespace

Result<> create_user(store::Transaction& tx, const User& user, std::span<const Tag> tags) {
  if (require(tx, owner_of(user))) return exists(user.name);
  TRY_DO(require_room(tx, user.account, quota));
  tx.run(
      "INSERT INTO identity_users (account, name_key, name, path, id, permissions_boundary, "
      "created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      user.account, key_of(user.name), user.name, user.path, user.id, user.permissions_boundary,
      number_of(user.created));
  return put_tags(tx, owner_of(user), tags);
}

Result<User> find_user(store::Transaction& tx, std::string_view account, std::string_view name) {
  auto rows = tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key = ?2", columns),
                       account, key_of(name));
  if (rows.next()) return user_of(rows);
  return fail(ErrorCode::not_found, fmt::format("The user with name {} cannot be found.", name),
              "no_user");
}

Page<User> list_users(store::Transaction& tx, std::string_view account, const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<User>(rows, page, user_of);
}

Result<> move_user(store::Transaction& tx, const User& user, const Move& to) {
  TRY_DO(require(tx, owner_of(user)));
  const Owner after{Owner::Kind::user, user.account, to.name};
  const std::string old_key = key_of(user.name);
  const std::string new_key = key_of(to.name);
  if (new_key != old_key && require(tx, after)) return exists(to.name);
  touch(tx, owner_of(user));
  touch(tx, after);
  tx.run(
      "UPDATE identity_users SET name_key = ?3, name = ?4, path = ?5 "
      "WHERE account = ?1 AND name_key = ?2",
      user.account, old_key, new_key, to.name, to.path);
  for (const std::string_view table :
       {"identity_access_keys", "identity_members", "identity_passwords", "identity_user_uploads",
        "identity_mfa_devices"})
    tx.run(fmt::format("UPDATE {} SET user_key = ?3 WHERE account = ?1 AND user_key = ?2", table),
           user.account, old_key, new_key);
  tags::move(tx, tagged(owner_of(user)), tagged(after));
  for (const std::string_view table : {"identity_inline_policies", "identity_attachments"})
    tx.run(fmt::format("UPDATE {} SET owner = ?3 WHERE account = ?1 AND owner = ?2", table),
           user.account, owner_key(owner_of(user)), owner_key(after));
  return {};
}

Result<> delete_user(store::Transaction& tx, std::string_view account, std::string_view name) {
  const Owner owner{Owner::Kind::user, account, name};
  TRY(const User user, find_user(tx, account, name));
  TRY_DO(require_no_policies(tx, owner));
  if (!access_keys(tx, user).empty())
    return fail(ErrorCode::in_use, "Cannot delete entity, must delete access keys first.",
                "has_access_keys");
  if (!list_groups_of(tx, user, {}).items.empty())
    return fail(ErrorCode::in_use, "Cannot delete entity, must remove users from group first.",
                "has_groups");
  TRY_DO(require_nothing_held(tx, user));
  touch(tx, owner);
  tags::erase_all(tx, tagged(owner));
  tx.run("DELETE FROM identity_users WHERE account = ?1 AND name_key = ?2", account, key_of(name));
  return {};
}

Result<> add_access_key(store::Transaction& tx, const User& user, const AccessKey& key) {
  if (access_keys(tx, user).size() >= access_keys_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Cannot exceed quota for AccessKeysPerUser: {}", access_keys_max));
  tx.run(
      "INSERT INTO identity_access_keys (id, account, user_key, secret, active, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      key.id, user.account, key_of(user.name), key.secret, key.status, number_of(key.created));
  touch(tx, owner_of(user));
  return {};
}

std::vector<AccessKey> access_keys(store::Transaction& tx, const User& user) {
  std::vector<AccessKey> keys;
  auto rows = tx.query(
      "SELECT id, secret, active, created FROM identity_access_keys "
      "WHERE account = ?1 AND user_key = ?2 ORDER BY created, id",
      user.account, key_of(user.name));
  while (rows.next())
    keys.push_back({std::string(rows.text(0)), std::string(rows.text(1)),
                    static_cast<AccessKey::Status>(rows.integer(2)), time_of(rows.integer(3))});
  return keys;
}

Result<> set_key_status(store::Transaction& tx, const User& user, std::string_view key_id,
                        AccessKey::Status status) {
  const std::int64_t changed = tx.run(
      "UPDATE identity_access_keys SET active = ?4 "
      "WHERE account = ?1 AND user_key = ?2 AND id = ?3",
      user.account, key_of(user.name), key_id, status);
  touch(tx, owner_of(user));
  return changed > 0 ? Result<>{} : no_key(key_id);
}

Result<> delete_access_key(store::Transaction& tx, const User& user, std::string_view key_id) {
  const std::int64_t removed =
      tx.run("DELETE FROM identity_access_keys WHERE account = ?1 AND user_key = ?2 AND id = ?3",
             user.account, key_of(user.name), key_id);
  if (removed > 0) forget_uses(tx, user.account, key_id);
  touch(tx, owner_of(user));
  return removed > 0 ? Result<>{} : no_key(key_id);
}

Result<User> find_user_of_key(store::Transaction& tx, std::string_view account,
                              std::string_view key_id) {
  auto rows = tx.query("SELECT user_key FROM identity_access_keys WHERE account = ?1 AND id = ?2",
                       account, key_id);
  if (!rows.next()) return no_key(key_id);
  return find_user(tx, account, rows.text(0));
}

Census census(store::Transaction& tx, std::string_view account) {
  const auto count = [&](std::string_view table) {
    return first_number(
        tx.query(fmt::format("SELECT count(*) FROM {} WHERE account = ?1", table), account));
  };
  return {.users = count("identity_users"),
          .groups = count("identity_groups"),
          .roles = count("identity_roles"),
          .policies = count("identity_policies"),
          .policy_versions = count("identity_policy_versions"),
          .instance_profiles = count("identity_instance_profiles"),
          .providers = count("identity_providers") + count("identity_saml_providers"),
          .server_certificates = count("identity_server_certificates"),
          .mfa_devices = count("identity_mfa_devices"),
          .mfa_devices_in_use = first_number(tx.query(
              "SELECT count(*) FROM identity_mfa_devices WHERE account = ?1 AND user_key <> ''",
              account))};
}

}  // namespace slipway::identity
