// What the operations of this door share.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "engine/objects/objects.h"
#include "gen/s3.h"
#include "service/call.h"
#include "service/errors.h"
#include "service/paging.h"
#include "service/registry.h"
#include "store/store.h"

namespace slipway::objects {
class Lifecycle;
}

namespace slipway::s3 {

class LifecycleTexts;
class Notices;

namespace api = aws::s3;
using service::Call;
using service::refuse;
using service::UploadSink;

// What an operation without a transaction of its own works on.
struct S3Door {
  objects::Objects& objects;
  store::Store& store;
  const Notices& notices;
  objects::Lifecycle& lifecycle;
  LifecycleTexts& lifecycles;
};

// Whether a browser's form stands for the PutObject: nothing else posts an object as a whole.
inline bool is_form(const Call& call) { return service::method_of(call) == "POST"; }

// What whoever watches a bucket is told of the call that changes something in it.
objects::Cause cause_of(const Call& call);

// The bucket that a request names, where the caller may use it: buckets of other accounts are
// AccessDenied, as is an ExpectedBucketOwner that is not the owner; one that is no account's number
// is InvalidBucketOwnerAWSAccountID.
struct BucketClaim {
  std::string_view bucket;
  std::string_view expected_owner;
};
Result<objects::Bucket> bucket_of(const Call& call, store::Transaction& tx,
                                  const BucketClaim& claim);

template <typename In>
BucketClaim claim_of(const In& in) {
  BucketClaim claim{in.Bucket(), {}};
  if constexpr (requires { in.ExpectedBucketOwner(); })
    claim.expected_owner = in.ExpectedBucketOwner().value_or("");
  return claim;
}
template <typename In>
Result<objects::Bucket> bucket_of(const Call& call, store::Transaction& tx, const In& in) {
  return bucket_of(call, tx, claim_of(in));
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bool is_bucket_name(std::string_view name);

// Whether they are one bucket, and not two of a name after each other: a number is taken anew.
inline bool is_same(const objects::Bucket& a, const objects::Bucket& b) {
  return a.id == b.id && a.created == b.created;
}
std::unexpected<Error> no_such_bucket(std::string_view bucket);

// A bucket that was made in "EU" is in its first region, and its location is "EU" all the same.
inline std::string_view region_shown(const objects::Bucket& bucket) {
  return bucket.region == "EU" ? std::string_view("eu-west-1") : std::string_view(bucket.region);
}

// The object, or the version of it, that a request names.
template <typename In>
objects::ObjectName name_of(const In& in) {
  objects::ObjectName name{std::string(in.Bucket()), std::string(in.Key())};
  if constexpr (requires { in.VersionId(); })
    if (in.VersionId()) name.version = std::string(*in.VersionId());
  return name;
}

// Asks once more whether the caller may read it, in the transaction that opens its bytes: since the
// call was let in, another object may have come to that name, with a list and tags of its own.
Result<> permit_reading(Call& call, store::Transaction& tx, const objects::ObjectName& name);

// MethodNotAllowed: what may be done to a delete marker is to remove it.
std::unexpected<Error> refuse_delete_marker(const Call& call, const objects::Object& marker);

// The object or version, which is no delete marker: neither by its version id nor as the latest.
Result<objects::Object> find_unmarked(const Call& call, store::Transaction& tx,
                                      const objects::ObjectName& name);

// The canonical user id of an account: 64 hex digits.
std::string owner_id(std::string_view account);

template <typename Owner>
void fill_owner(Owner owner, std::string_view account) {
  owner.ID(owner_id(account));
}

// ETags travel in quotes; clients may leave them out.
inline std::string etag_header(std::string_view etag) { return fmt::format("\"{}\"", etag); }
std::string_view unquoted(std::string_view etag);

// Names as a listing shows them: percent-encoded where the client asked for encoding-type=url.
class NameEncoding {
 public:
  explicit NameEncoding(std::optional<std::string_view> encoding_type)
      : url_(encoding_type == "url") {}
  std::string operator()(std::string_view name) const;

 private:
  bool url_;
};

// "InvalidArgument" with the argument named.
struct Argument {
  std::string_view name;
  std::string value;
};
std::unexpected<Error> invalid_argument(std::string message, const Argument& argument);

// The largest body of one PutObject or UploadPart.
inline constexpr std::uint64_t body_bytes_max = 5ULL << 30;

// EntityTooLarge where the head says already that the body is too large.
Result<> check_announced_size(const Call& call);

inline constexpr std::int32_t page_entries_max = 1000;

// Documents tell of times in whole seconds.
inline Timestamp shown_time(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time);
}

// The one encoding that there is.
Result<> check_encoding(std::optional<std::string_view> encoding_type);

// InvalidArgument outside 1 to 10,000.
Result<> check_part_number(std::int32_t number);

// Where the page begins that a continuation token asks for; InvalidArgument where the token is not
// of this list.
Result<std::string> page_start(const service::PageTokens& tokens,
                               std::optional<std::string_view> token);

// How many entries a page is to have: the client's wish, the service's limit.
Result<std::int32_t> page_size(std::optional<std::int32_t> wanted, std::string_view argument);

}  // namespace slipway::s3
