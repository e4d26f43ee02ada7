// What users, groups, roles and policies have in common as they are stored: tags, inline policies,
// attached policies, pages.
//
// Every function of this engine's tables runs inside a caller's transaction, on its thread, and
// whoever changes something ends the change by Directory::follow(). Errors are this engine's own:
// not_found of kind "no_role", "no_user", "no_group", "no_policy", "no_inline_policy",
// "no_attachment", "no_access_key", "no_version", "no_profile", "no_provider",
// "no_server_certificate" or "no_mfa_device"; already_exists; in_use of kind "has_policies",
// "has_attachments", "has_access_keys", "has_groups", "has_members", "has_versions", "has_roles" or
// "is_attached"; limit_exceeded. Names are unique whatever their case.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/identity/principal.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t attached_policies_max = 10;
// All inline policies of one owner together, white space not counted.
inline constexpr std::size_t role_inline_bytes_max = 10'240;
inline constexpr std::size_t user_inline_bytes_max = 2'048;
inline constexpr std::size_t group_inline_bytes_max = 5'120;
inline constexpr std::size_t identity_tags_max = 50;
inline constexpr std::size_t identity_page_max = 1'000;

// One page of a list in the order of names. `after` is the last name of the page before; `more`
// says that another follows.
struct PageRequest {
  std::string path_prefix = "/";
  std::string after = {};
  std::size_t items_max = 100;
};

// A part of a list, and whether more follows.
template <typename T>
struct Page {
  std::vector<T> items;
  bool more = false;
};

// Names one user, group, role, policy or other thing with tags in the calls below.
struct Owner {
  enum class Kind : std::uint8_t {
    role,
    policy,
    user,
    group,
    instance_profile,
    provider,
    server_certificate,
    saml_provider,
    mfa_device,  // its name is all of its serial number that stands behind "mfa/"
  };
  Kind kind = Kind::role;
  std::string_view account;
  std::string_view name;
};

// "role": how the kind is called in names and sentences.
std::string_view name_of(Owner::Kind kind);

// "arn:aws:iam::000000000000:role/path/name"
std::string arn_of(Owner owner, std::string_view path);

// Adds or replaces.
Result<> put_tags(store::Transaction& tx, Owner owner, std::span<const Tag> tags);
Result<> delete_tags(store::Transaction& tx, Owner owner, std::span<const std::string> keys);
// One page in the order of keys.
Result<Page<Tag>> list_tags(store::Transaction& tx, Owner owner, const PageRequest& page);

Result<> put_inline_policy(store::Transaction& tx, Owner owner, std::string_view policy_name,
                           std::string_view document);
Result<std::string> find_inline_policy(store::Transaction& tx, Owner owner,
                                       std::string_view policy_name);
Result<Page<std::string>> list_inline_policies(store::Transaction& tx, Owner owner,
                                               const PageRequest& page);
Result<> delete_inline_policy(store::Transaction& tx, Owner owner, std::string_view policy_name);

// `policy` is the full name by which the door knows a policy; whether it exists is the door's to
// check (find_policy, or a policy of its own). Attaching twice is fine.
Result<> attach_policy(store::Transaction& tx, Owner owner, std::string_view policy);
Result<> detach_policy(store::Transaction& tx, Owner owner, std::string_view policy);
Result<Page<std::string>> list_attached_policies(store::Transaction& tx, Owner owner,
                                                 const PageRequest& page);

// Absent takes the boundary away. Users and roles only.
Result<> put_boundary(store::Transaction& tx, Owner owner, std::optional<std::string_view> policy);

// The document as sizes are counted: without the white space around its elements.
std::size_t counted_bytes(std::string_view document);

}  // namespace slipway::identity
