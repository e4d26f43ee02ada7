// Access control lists, which buckets here have as AWS's new ones do: switched off. Policies say
// who may do what.
#pragma once

#include <optional>
#include <string_view>

#include "service/s3/door.h"

namespace slipway::s3 {

// The list that a request gives along.
struct WantedAcl {
  std::optional<std::string_view> canned = {};                            // x-amz-acl
  enum class Grants : std::uint8_t { none, some } grants = Grants::none;  // x-amz-grant-...

  bool says_nothing() const { return !canned && grants == Grants::none; }
};

template <typename In>
WantedAcl wanted_acl(const In& in) {
  bool grants = in.GrantFullControl() || in.GrantRead() || in.GrantReadACP() || in.GrantWriteACP();
  if constexpr (requires { in.GrantWrite(); }) grants = grants || in.GrantWrite();
  return {.canned = in.ACL(), .grants = grants ? WantedAcl::Grants::some : WantedAcl::Grants::none};
}

// Lets through what says no more than holds anyway, that the bucket's owner may do everything.
// AccessControlListNotSupported for any other list where the bucket's owner is enforced, as on AWS;
// NotImplemented where the bucket is told to keep lists, which AWS would then do.
Result<> check_acl(store::Transaction& tx, std::string_view bucket, const WantedAcl& wanted);

// The same for a bucket that is being made with this ownership:
// InvalidBucketAclWithObjectOwnership.
Result<> check_first_acl(std::string_view ownership, const WantedAcl& wanted);

}  // namespace slipway::s3
