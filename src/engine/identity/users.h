// Users, their access keys and the groups that they are in, as they are stored.
// Errors and what users and groups share with others: owners.h.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/owners.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t users_max = 5'000;
inline constexpr std::size_t access_keys_max = 2;  // of one user
inline constexpr std::size_t groups_max = 300;
inline constexpr std::size_t memberships_max = 10;  // of one user

// A user of an account, as it is stored.
struct User {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;  // never used again
  std::optional<std::string> permissions_boundary;
  Timestamp created{};
};

Result<> create_user(store::Transaction& tx, const User& user, std::span<const Tag> tags);
Result<User> find_user(store::Transaction& tx, std::string_view account, std::string_view name);
Page<User> list_users(store::Transaction& tx, std::string_view account, const PageRequest& page);
// Where a user or a group is moved to.
struct Move {
  std::string_view name;
  std::string_view path;
};
// A new name, a new path; the id stays, and all that is the user's goes with it.
Result<> move_user(store::Transaction& tx, const User& user, const Move& to);
// in_use while it has policies, access keys, groups or anything else of its own.
Result<> delete_user(store::Transaction& tx, std::string_view account, std::string_view name);

// A user's long-term key.
struct AccessKey {
  std::string id;
  std::string secret;
  enum class Status : std::uint8_t { inactive = 0, active = 1 } status = Status::active;
  Timestamp created{};
};

Result<> add_access_key(store::Transaction& tx, const User& user, const AccessKey& key);
// In the order in which they were made.
std::vector<AccessKey> access_keys(store::Transaction& tx, const User& user);
Result<> set_key_status(store::Transaction& tx, const User& user, std::string_view key_id,
                        AccessKey::Status status);
Result<> delete_access_key(store::Transaction& tx, const User& user, std::string_view key_id);
// Whose key it is; not_found of kind "no_access_key".
Result<User> find_user_of_key(store::Transaction& tx, std::string_view account,
                              std::string_view key_id);

// A group of users, who have its policies.
struct Group {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;  // never used again
  Timestamp created{};
};

Result<> create_group(store::Transaction& tx, const Group& group);
Result<Group> find_group(store::Transaction& tx, std::string_view account, std::string_view name);
Page<Group> list_groups(store::Transaction& tx, std::string_view account, const PageRequest& page);
// A new name, a new path; the id stays, and so do its members and policies.
Result<> move_group(store::Transaction& tx, const Group& group, const Move& to);
// in_use while it has policies or members.
Result<> delete_group(store::Transaction& tx, std::string_view account, std::string_view name);

// Adding a member again is fine, and so is removing who is none.
Result<> add_member(store::Transaction& tx, const Group& group, const User& user);
void remove_member(store::Transaction& tx, const Group& group, const User& user);
Page<User> list_members(store::Transaction& tx, const Group& group, const PageRequest& page);
Page<Group> list_groups_of(store::Transaction& tx, const User& user, const PageRequest& page);

// How many there are of each, for a summary of the account.
struct Census {
  std::int64_t users = 0;
  std::int64_t groups = 0;
  std::int64_t roles = 0;
  std::int64_t policies = 0;
  std::int64_t policy_versions = 0;
  std::int64_t instance_profiles = 0;
  std::int64_t providers = 0;  // of both kinds
  std::int64_t server_certificates = 0;
  std::int64_t mfa_devices = 0;
  std::int64_t mfa_devices_in_use = 0;
};
Census census(store::Transaction& tx, std::string_view account);

}  // namespace slipway::identity
