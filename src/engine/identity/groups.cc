// Groups and their members: the second half of users.h.
#include <fmt/format.h>

#include "engine/identity/rows.h"
#include "engine/identity/users.h"

namespace slipway::identity {
namespace {

constexpr Quota quota{"identity_groups", "GroupsPerAccount", groups_max};

constexpr std::string_view columns = "g.account, g.name, g.path, g.id, g.created";

Group group_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .created = time_of(rows.integer(4))};
}

Owner owner_of(const Group& group) { return {Owner::Kind::group, group.account, group.name}; }

}  // namespace

Result<> create_group(store::Transaction& tx, const Group& group) {
  if (require(tx, owner_of(group)))
    return fail(ErrorCode::already_exists,
                fmt::format("Group with name {} already exists.", group.name));
  TRY_DO(require_room(tx, group.account, quota));
  tx.run(
      "INSERT INTO identity_groups (account, name_key, name, path, id, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      group.account, key_of(group.name), group.name, group.path, group.id,
      number_of(group.created));
  touch(tx, owner_of(group));
  return {};
}

Result<Group> find_group(store::Transaction& tx, std::string_view account, std::string_view name) {
  auto rows = tx.query(
      fmt::format("SELECT {} FROM identity_groups g WHERE account = ?1 AND name_key = ?2", columns),
      account, key_of(name));
  if (rows.next()) return group_of(rows);
  return fail(ErrorCode::not_found, fmt::format("The group with name {} cannot be found.", name),
              "no_group");
}

Page<Group> list_groups(store::Transaction& tx, std::string_view account, const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM identity_groups g WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<Group>(rows, page, group_of);
}

Result<> move_group(store::Transaction& tx, const Group& group, const Move& to) {
  const Owner before = owner_of(group);
  const Owner after{Owner::Kind::group, group.account, to.name};
  const std::string old_key = key_of(group.name);
  const std::string new_key = key_of(to.name);
  if (new_key != old_key && require(tx, after))
    return fail(ErrorCode::already_exists,
                fmt::format("Group with name {} already exists.", to.name));
  touch(tx, before);
  touch(tx, after);
  // Its members know it by its name.
  tx.run(
      "INSERT OR IGNORE INTO identity_touched (account, owner) SELECT account, 'user/' || user_key "
      "FROM identity_members WHERE account = ?1 AND group_key = ?2",
      group.account, old_key);
  tx.run(
      "UPDATE identity_groups SET name_key = ?3, name = ?4, path = ?5 "
      "WHERE account = ?1 AND name_key = ?2",
      group.account, old_key, new_key, to.name, to.path);
  tx.run("UPDATE identity_members SET group_key = ?3 WHERE account = ?1 AND group_key = ?2",
         group.account, old_key, new_key);
  for (const std::string_view table : {"identity_inline_policies", "identity_attachments"})
    tx.run(fmt::format("UPDATE {} SET owner = ?3 WHERE account = ?1 AND owner = ?2", table),
           group.account, owner_key(before), owner_key(after));
  return {};
}

Result<> delete_group(store::Transaction& tx, std::string_view account, std::string_view name) {
  const Owner owner{Owner::Kind::group, account, name};
  TRY_DO(require(tx, owner));
  TRY_DO(require_no_policies(tx, owner));
  const std::int64_t members = first_number(
      tx.query("SELECT count(*) FROM identity_members WHERE account = ?1 AND group_key = ?2",
               account, key_of(name)));
  if (members > 0)
    return fail(ErrorCode::in_use, "Cannot delete entity, must remove users from group first.",
                "has_members");
  touch(tx, owner);
  tx.run("DELETE FROM identity_groups WHERE account = ?1 AND name_key = ?2", account, key_of(name));
  return {};
}

Result<> add_member(store::Transaction& tx, const Group& group, const User& user) {
  tx.run(
      "INSERT OR IGNORE INTO identity_members (account, group_key, user_key) VALUES (?1, ?2, ?3)",
      group.account, key_of(group.name), key_of(user.name));
  touch(tx, {Owner::Kind::user, user.account, user.name});
  const std::int64_t memberships = first_number(
      tx.query("SELECT count(*) FROM identity_members WHERE account = ?1 AND user_key = ?2",
               user.account, key_of(user.name)));
  if (memberships <= std::int64_t{memberships_max}) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Cannot exceed quota for GroupsPerUser: {}", memberships_max));
}

void remove_member(store::Transaction& tx, const Group& group, const User& user) {
  tx.run("DELETE FROM identity_members WHERE account = ?1 AND group_key = ?2 AND user_key = ?3",
         group.account, key_of(group.name), key_of(user.name));
  touch(tx, {Owner::Kind::user, user.account, user.name});
}

Page<User> list_members(store::Transaction& tx, const Group& group, const PageRequest& page) {
  auto rows = tx.query(
      "SELECT user_key FROM identity_members "
      "WHERE account = ?1 AND group_key = ?2 AND user_key > ?3 ORDER BY user_key LIMIT ?4",
      group.account, key_of(group.name), key_of(page.after), page.items_max + 1);
  const auto names = page_of<std::string>(rows, page, first_text);
  Page<User> out{.items = {}, .more = names.more};
  for (const std::string& name : names.items)
    if (auto user = find_user(tx, group.account, name)) out.items.push_back(*std::move(user));
  return out;
}

Page<Group> list_groups_of(store::Transaction& tx, const User& user, const PageRequest& page) {
  auto rows = tx.query(fmt::format("SELECT {} FROM identity_members m JOIN identity_groups g "
                                   "ON g.account = m.account AND g.name_key = m.group_key "
                                   "WHERE m.account = ?1 AND m.user_key = ?2 AND m.group_key > ?3 "
                                   "ORDER BY m.group_key LIMIT ?4",
                                   columns),
                       user.account, key_of(user.name), key_of(page.after), page.items_max + 1);
  return page_of<Group>(rows, page, group_of);
}

}  // namespace slipway::identity
