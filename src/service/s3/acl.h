// The access control lists of buckets and objects at work. In most buckets they are switched off,
// as in AWS's new ones: their owner is enforced, and policies alone say who may do what. Where they
// are on, a list lets in whom it names beside those whom policies let in; the owner's account may
// everything, whatever its own line says.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "service/s3/access_list.h"
#include "service/s3/door.h"

namespace slipway::s3 {

// The list that a request gives along in its headers.
struct WantedAcl {
  std::optional<std::string_view> canned = {};  // x-amz-acl
  std::vector<GrantHeader> grants = {};         // x-amz-grant-...

  bool says_nothing() const { return !canned && grants.empty(); }
};

template <typename In>
WantedAcl wanted_acl(const In& in) {
  WantedAcl out{.canned = in.ACL()};
  const auto add = [&](std::string_view permission, std::string_view header,
                       std::optional<std::string_view> text) {
    if (text) out.grants.push_back({permission, header, *text});
  };
  add("FULL_CONTROL", "x-amz-grant-full-control", in.GrantFullControl());
  add("READ", "x-amz-grant-read", in.GrantRead());
  add("READ_ACP", "x-amz-grant-read-acp", in.GrantReadACP());
  add("WRITE_ACP", "x-amz-grant-write-acp", in.GrantWriteACP());
  if constexpr (requires { in.GrantWrite(); }) add("WRITE", "x-amz-grant-write", in.GrantWrite());
  return out;
}

// Gives an object that is being made the list that its request wants.
// AccessControlListNotSupported where the bucket's owner is enforced, but for the list that says
// that he may do everything; AccessDenied for a public list where the bucket blocks them.
Result<> give_list(const Call& call, store::Transaction& tx, const objects::Bucket& bucket,
                   std::string_view key, const WantedAcl& wanted, objects::Pairs& properties);

// The list of a bucket that is being made with this ownership, and with public lists blocked, as
// every new one: InvalidBucketAclWithObjectOwnership, InvalidBucketAclWithBlockPublicAccessError.
Result<AccessList> first_list(const Call& call, std::string_view ownership,
                              const WantedAcl& wanted);
Result<> put_bucket_list(store::Transaction& tx, const objects::Bucket& bucket,
                         const AccessList& list);

inline constexpr std::string_view owner_enforced = "BucketOwnerEnforced";

// Whether the bucket's lists are switched off. One whose controls were removed keeps them, as one
// of former days.
bool enforces_owner(store::Transaction& tx, std::string_view bucket);

// What was given; the owner's alone where nothing was.
AccessList list_of_bucket(store::Transaction& tx, const objects::Bucket& bucket);
AccessList list_of_object(const objects::Bucket& bucket, const objects::Object& object);

}  // namespace slipway::s3
