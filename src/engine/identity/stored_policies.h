// Policies that stand by themselves and can be attached, with their versions.
// Errors and what policies share with others: owners.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/owners.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t policies_max = 1'500;
inline constexpr std::size_t policy_versions_max = 5;
inline constexpr std::size_t stored_policy_bytes_max = 6'144;

// A managed policy of an account, with the text of its default version.
struct StoredPolicy {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;
  std::string description;
  std::string document;  // JSON: its default version's
  Timestamp created{};
  std::int64_t default_version = 1;
  Timestamp updated{};
};

// One version of a managed policy.
struct PolicyVersion {
  std::int64_t number = 1;
  std::string document;
  Timestamp created{};
  bool is_default = false;
};

Result<> create_policy(store::Transaction& tx, const StoredPolicy& policy,
                       std::span<const Tag> tags);
Result<StoredPolicy> find_policy(store::Transaction& tx, std::string_view account,
                                 std::string_view name);
// By its full name; not_found where a policy of that name lies under another path.
Result<StoredPolicy> find_policy_by_arn(store::Transaction& tx, std::string_view arn);
Page<StoredPolicy> list_policies(store::Transaction& tx, std::string_view account,
                                 const PageRequest& page);
// in_use while attached, or while it has versions beside its default.
Result<> delete_policy(store::Transaction& tx, const StoredPolicy& policy);

// The newest first.
std::vector<PolicyVersion> policy_versions(store::Transaction& tx, const StoredPolicy& policy);

// Adds a version; its number is never used again. Returns it.
Result<PolicyVersion> add_policy_version(store::Transaction& tx, const StoredPolicy& policy,
                                         std::string_view document, Timestamp now);
Result<> set_default_version(store::Transaction& tx, const StoredPolicy& policy,
                             std::int64_t number, Timestamp now);
// in_use where it is the default.
Result<> delete_policy_version(store::Transaction& tx, const StoredPolicy& policy,
                               std::int64_t number);

// Who has a policy attached, or for its boundary; `policy` is its full name.
enum class PolicyUsage : std::uint8_t { attached, boundary };
std::int64_t count_users_of(store::Transaction& tx, std::string_view account,
                            std::string_view policy, PolicyUsage usage);
// Which of them: of one kind ("role"), where that is not empty, and behind `after`.
struct UsersQuery {
  std::string_view policy;
  PolicyUsage usage = PolicyUsage::attached;
  std::string_view kind = {};
  std::string_view after = {};
  std::size_t most = 0;
};
// "role/name", "user/name", "group/name", in lower case and in order.
std::vector<std::string> users_of(store::Transaction& tx, std::string_view account,
                                  const UsersQuery& query);

}  // namespace slipway::identity
