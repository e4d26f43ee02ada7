// Policies that stand by themselves, and tags: the second half of roles.h.
#include <fmt/format.h>

#include "engine/identity/roles.h"
#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr std::string_view policy_columns =
    "account, name, path, id, description, document, created";

StoredPolicy policy_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .description = std::string(rows.text(4)),
          .document = std::string(rows.text(5)),
          .created = time_of(rows.integer(6))};
}

Result<> require_owner(store::Transaction& tx, TagOwner owner) {
  if (owner.kind == TagOwner::Kind::role) return require_role(tx, {owner.account, owner.name});
  TRY_DO(find_policy(tx, owner.account, owner.name));
  return {};
}

}  // namespace

Result<> put_tags(store::Transaction& tx, TagOwner owner, std::span<const Tag> tags) {
  TRY_DO(require_owner(tx, owner));
  for (const auto& [key, value] : tags)
    tx.run(
        "INSERT OR REPLACE INTO identity_tags (account, owner, key, value) VALUES (?1, ?2, ?3, ?4)",
        owner.account, owner_key(owner), key, value);
  auto rows = tx.query("SELECT count(*) FROM identity_tags WHERE account = ?1 AND owner = ?2",
                       owner.account, owner_key(owner));
  if (!rows.next() || rows.integer(0) <= std::int64_t{identity_tags_max}) return {};
  return fail(
      ErrorCode::limit_exceeded,
      fmt::format("The number of tags has reached the maximum limit of {}.", identity_tags_max));
}

Result<> delete_tags(store::Transaction& tx, TagOwner owner, std::span<const std::string> keys) {
  TRY_DO(require_owner(tx, owner));
  for (const std::string& key : keys)
    tx.run("DELETE FROM identity_tags WHERE account = ?1 AND owner = ?2 AND key = ?3",
           owner.account, owner_key(owner), key);
  return {};
}

Result<Page<Tag>> list_tags(store::Transaction& tx, TagOwner owner, const PageRequest& page) {
  TRY_DO(require_owner(tx, owner));
  auto rows = tx.query(
      "SELECT key, value FROM identity_tags WHERE account = ?1 AND owner = ?2 AND key > ?3 "
      "ORDER BY key LIMIT ?4",
      owner.account, owner_key(owner), page.after, page.items_max + 1);
  return page_of<Tag>(rows, page, [](const store::Rows& row) {
    return Tag(std::string(row.text(0)), std::string(row.text(1)));
  });
}

Result<> create_policy(store::Transaction& tx, const StoredPolicy& policy,
                       std::span<const Tag> tags) {
  if (find_policy(tx, policy.account, policy.name))
    return fail(ErrorCode::already_exists,
                fmt::format("A policy called {} already exists. Duplicate names are not allowed.",
                            policy.name));
  tx.run(
      "INSERT INTO identity_policies (account, name_key, name, path, id, description, document, "
      "created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      policy.account, key_of(policy.name), policy.name, policy.path, policy.id, policy.description,
      policy.document, number_of(policy.created));
  return put_tags(tx, {TagOwner::Kind::policy, policy.account, policy.name}, tags);
}

Result<StoredPolicy> find_policy(store::Transaction& tx, std::string_view account,
                                 std::string_view name) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM identity_policies WHERE account = ?1 AND name_key = ?2",
                           policy_columns),
               account, key_of(name));
  if (rows.next()) return policy_of(rows);
  return fail(ErrorCode::not_found, fmt::format("Policy {} was not found.", name), "no_policy");
}

Page<StoredPolicy> list_policies(store::Transaction& tx, std::string_view account,
                                 const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM identity_policies WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           policy_columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<StoredPolicy>(rows, page, policy_of);
}

std::int64_t count_attachments(store::Transaction& tx, std::string_view account,
                               std::string_view policy) {
  auto rows =
      tx.query("SELECT count(*) FROM identity_attachments WHERE account = ?1 AND policy = ?2",
               account, policy);
  return rows.next() ? rows.integer(0) : 0;
}

Result<> delete_policy(store::Transaction& tx, std::string_view account, std::string_view name,
                       std::string_view policy) {
  TRY_DO(find_policy(tx, account, name));
  if (count_attachments(tx, account, policy) > 0)
    return fail(ErrorCode::in_use, "Cannot delete a policy attached to entities.", "is_attached");
  tx.run("DELETE FROM identity_tags WHERE account = ?1 AND owner = ?2", account,
         owner_key({TagOwner::Kind::policy, account, name}));
  tx.run("DELETE FROM identity_policies WHERE account = ?1 AND name_key = ?2", account,
         key_of(name));
  return {};
}

}  // namespace slipway::identity
