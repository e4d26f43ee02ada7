// Names under which the engine keeps a bucket's settings.
#pragma once

#include <string_view>

#include "base/result.h"
#include "store/store.h"

namespace slipway::s3 {

// What a bucket's public access block keeps out.
struct BlockedAccess {
  bool public_policies = false;  // new policies that let everyone in
  bool strangers = false;        // everyone that only such a policy would let in
  bool public_lists = false;     // new access control lists that let everyone in
  bool lists = false;            // everyone that only such a list would let in
};
Result<BlockedAccess> blocked_access(store::Transaction& tx, std::string_view bucket);

}  // namespace slipway::s3

namespace slipway::s3::setting {

inline constexpr std::string_view acl = "acl";  // text_of(AccessList)
inline constexpr std::string_view accelerate = "accelerate";
inline constexpr std::string_view cors = "cors";
inline constexpr std::string_view encryption = "encryption";
inline constexpr std::string_view lifecycle = "lifecycle";
inline constexpr std::string_view logging = "logging";
inline constexpr std::string_view notification = "notification";
inline constexpr std::string_view object_lock = "object-lock";
inline constexpr std::string_view ownership = "ownership";
inline constexpr std::string_view policy = "policy";
// Beside it, whom it names: lines of identity::PrincipalIds.
inline constexpr std::string_view policy_principals = "policy-principals";
inline constexpr std::string_view public_access = "public-access";
inline constexpr std::string_view request_payment = "request-payment";
inline constexpr std::string_view website = "website";

}  // namespace slipway::s3::setting
