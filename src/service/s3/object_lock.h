// Object Lock: versions that may not be removed, by retention or by a legal hold.
// docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
#pragma once

#include <optional>
#include <string_view>

#include "engine/objects/locks.h"
#include "service/body_digest.h"
#include "service/s3/door.h"

namespace slipway::s3 {

// The lock that a request gives to what it makes: x-amz-object-lock-...
struct WantedLock {
  std::optional<std::string_view> mode = {};
  std::optional<Timestamp> until = {};
  std::optional<std::string_view> hold = {};

  bool given() const { return mode || until || hold; }
};

template <typename In>
WantedLock wanted_lock(const In& in) {
  return {in.ObjectLockMode(), in.ObjectLockRetainUntilDate(), in.ObjectLockLegalHoldStatus()};
}

// "GOVERNANCE", "COMPLIANCE".
std::string_view mode_name(objects::RetentionMode mode);

// Whether the bucket locks objects; it keeps versions for good then.
bool locks_objects(store::Transaction& tx, std::string_view bucket);
// For a bucket that is being made: it locks objects from the first on.
Result<> lock_bucket(Call& call, std::string_view bucket);

// The lock of a new version: what the request says, else the default of its bucket. InvalidRequest
// for a bucket that locks nothing, InvalidArgument for what is malformed or over.
Result<objects::Lock> lock_of_new(Call& call, store::Transaction& tx, std::string_view bucket,
                                  const WantedLock& wanted);

// A lock that waits for the end of its upload in parts, among the upload's properties.
void keep_lock(const objects::Lock& lock, objects::Pairs& properties);
objects::Lock kept_lock(const objects::Pairs& properties);

// A body whose lock stands in the head must come with a checksum: it can not be put right later.
// One from inside has not been on the way.
template <typename In>
Result<> check_lock_integrity(const Call& call, const In& in) {
  if (!wanted_lock(in).given() || in.ChecksumAlgorithm()) return {};
  if (!call.http() || service::has_digest(call.http()->head())) return {};
  return refuse("InvalidRequest",
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                "with Object Lock parameters");
}

// Whether who asks is let past a retention in governance mode. InvalidArgument where he asks for it
// and the bucket locks nothing.
struct Bypass {
  std::optional<bool> asked;  // x-amz-bypass-governance-retention
  std::string_view bucket;
  std::string_view key;
};
Result<objects::Governance> governance_of(Call& call, const Bypass& bypass);
std::unexpected<Error> bypasses_nothing();

// The headers that tell of the lock, as far as the caller may know it.
template <typename Out>
void show_lock(const Call& call, Out& out, const objects::Object& object,
               const objects::Lock& lock) {
  const auto may = [&](std::string_view action) {
    return call.permit(action, fmt::format("arn:aws:s3:::{}/{}", object.bucket, object.key))
        .has_value();
  };
  if (lock.retention && may("s3:GetObjectRetention"))
    out.ObjectLockMode(mode_name(lock.retention->mode))
        .ObjectLockRetainUntilDate(lock.retention->until);
  if (lock.hold && may("s3:GetObjectLegalHold"))
    out.ObjectLockLegalHoldStatus(*lock.hold == objects::LegalHold::on ? "ON" : "OFF");
}

}  // namespace slipway::s3
