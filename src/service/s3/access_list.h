// Access control lists: what a bucket or an object lets others do, beside its owner's account.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::s3 {

// One line of a list.
struct Grant {
  std::string permission;  // READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL
  std::string grantee;     // the owner's canonical id, or the address of a group

  bool operator==(const Grant&) const = default;
};
using AccessList = std::vector<Grant>;

// The groups that S3 knows.
namespace group {
inline constexpr std::string_view everyone = "http://acs.amazonaws.com/groups/global/AllUsers";
inline constexpr std::string_view authenticated =
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
inline constexpr std::string_view log_delivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";
}  // namespace group

bool is_group(std::string_view address);

// Of what nobody gave a list: its owner may do everything.
AccessList owners_list(std::string_view owner);

bool is_canned(std::string_view name);

// What a canned name stands for; all others leave the owner alone.
AccessList canned_list(std::string_view name, std::string_view owner);

// `id="...", uri="..."`, each of whom gets the permission. InvalidArgument for what has no such
// form, names no group of S3's, or somebody who has no account here;
// UnresolvableGrantByEmailAddress.
struct GrantHeader {
  std::string_view permission;
  std::string_view name;  // the header's
  std::string_view text;
};
Result<AccessList> read_grant_header(const GrantHeader& header, std::string_view owner);

// Whether a group of strangers gets anything.
bool is_public(const AccessList& list);

// Whom a list is asked for: a stranger is one of everyone only.
enum class Asker : std::uint8_t { stranger, authenticated };
bool lets(const AccessList& list, std::string_view permission, Asker asker);

// As they are stored: one grant a line.
std::string text_of(const AccessList& list);
AccessList list_of(std::string_view text);

}  // namespace slipway::s3
