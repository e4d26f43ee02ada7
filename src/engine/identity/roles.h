// Roles and policies as they are stored: rows keyed by account, documents kept as they came.
//
// Every function runs inside a caller's transaction, on its thread. Errors are this engine's own:
// not_found of kind "no_role", "no_policy", "no_inline_policy" or "no_attachment"; already_exists;
// in_use of kind "has_policies", "has_attachments" or "is_attached"; limit_exceeded. Names are
// unique whatever their case.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t roles_max = 5'000;
inline constexpr std::size_t attached_policies_max = 20;
inline constexpr std::size_t inline_policies_bytes_max = 10'240;
inline constexpr std::size_t identity_tags_max = 50;
inline constexpr std::size_t identity_page_max = 1'000;

// This engine's tables, for Store::open.
std::span<const store::Migration> migrations();

using Tag = std::pair<std::string, std::string>;

struct Role {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;  // never used again
  std::string description;
  std::string trust_policy;  // JSON
  std::chrono::seconds session_time_max{3'600};
  std::optional<std::string> permissions_boundary;
  Timestamp created{};
};

// A policy that stands by itself and can be attached.
struct StoredPolicy {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;
  std::string description;
  std::string document;  // JSON
  Timestamp created{};
};

// One page of a list in the order of names. `after` is the last name of the page before; `more`
// says that another follows.
struct PageRequest {
  std::string path_prefix = "/";
  std::string after = {};
  std::size_t items_max = 100;
};
template <typename T>
struct Page {
  std::vector<T> items;
  bool more = false;
};

Result<> create_role(store::Transaction& tx, const Role& role, std::span<const Tag> tags);
Result<Role> find_role(store::Transaction& tx, std::string_view account, std::string_view name);
Page<Role> list_roles(store::Transaction& tx, std::string_view account, const PageRequest& page);
Result<> update_role(store::Transaction& tx, const Role& role);  // all but name, path, id, created
// in_use while a policy, inline or attached, is on it.
Result<> delete_role(store::Transaction& tx, std::string_view account, std::string_view name);

// Names one role in the calls below.
struct RoleName {
  std::string_view account;
  std::string_view name;
};

Result<> put_inline_policy(store::Transaction& tx, RoleName role, std::string_view policy_name,
                           std::string_view document);
Result<std::string> find_inline_policy(store::Transaction& tx, RoleName role,
                                       std::string_view policy_name);
Result<Page<std::string>> list_inline_policies(store::Transaction& tx, RoleName role,
                                               const PageRequest& page);
Result<> delete_inline_policy(store::Transaction& tx, RoleName role, std::string_view policy_name);

// `policy` is the full name by which the door knows a policy; whether it exists is the door's to
// check (find_policy, or a policy of its own). Attaching twice is fine.
Result<> attach_policy(store::Transaction& tx, RoleName role, std::string_view policy);
Result<> detach_policy(store::Transaction& tx, RoleName role, std::string_view policy);
Result<Page<std::string>> list_attached_policies(store::Transaction& tx, RoleName role,
                                                 const PageRequest& page);

// What carries tags.
struct TagOwner {
  enum class Kind : std::uint8_t { role, policy };
  Kind kind = Kind::role;
  std::string_view account;
  std::string_view name;
};

// Adds or replaces.
Result<> put_tags(store::Transaction& tx, TagOwner owner, std::span<const Tag> tags);
Result<> delete_tags(store::Transaction& tx, TagOwner owner, std::span<const std::string> keys);
// One page in the order of keys.
Result<Page<Tag>> list_tags(store::Transaction& tx, TagOwner owner, const PageRequest& page);

Result<> create_policy(store::Transaction& tx, const StoredPolicy& policy,
                       std::span<const Tag> tags);
Result<StoredPolicy> find_policy(store::Transaction& tx, std::string_view account,
                                 std::string_view name);
Page<StoredPolicy> list_policies(store::Transaction& tx, std::string_view account,
                                 const PageRequest& page);
// How many roles of the account have this policy attached; `policy` is its full name.
std::int64_t count_attachments(store::Transaction& tx, std::string_view account,
                               std::string_view policy);
// in_use while attached. `policy` is its full name, as given to attach_policy.
Result<> delete_policy(store::Transaction& tx, std::string_view account, std::string_view name,
                       std::string_view policy);

}  // namespace slipway::identity
