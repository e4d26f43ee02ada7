#include "service/s3/acl.h"
#include "service/s3/attributes.h"
#include "service/s3/checksums.h"
#include "service/s3/conditions.h"
#include "service/s3/errors.h"
#include "service/s3/lifecycle.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"

namespace slipway::s3 {
namespace {

// One PutObject on its way: bytes go to the engine as they come, the object appears at the end.
class PutSink final : public UploadSink {
 public:
  struct Begin {
    api::PutObjectRequest in;
    BodyChecks checks;
    objects::PutOptions options;
    objects::Upload upload;
    objects::Bucket bucket;  // as it was when the caller was let in
  };
  PutSink(const S3Door& door, Begin begin) : door_(door), begin_(std::move(begin)) {}

  Result<> write(std::span<const std::byte> bytes) override {
    return in_s3_words(begin_.upload.write(bytes));
  }

  Result<> seal(Call& /*call*/, std::span<const wire::Trailer> trailers) override {
    return in_s3_words(take(trailers));
  }

  Result<wire::Node> commit(Call& call) override { return in_s3_words(put(call)); }

 private:
  template <typename T>
  Result<T> in_s3_words(Result<T> result) const {
    if (!result) result = std::unexpected(to_s3(std::move(result).error(), subject_of(begin_.in)));
    return result;
  }

  // A body may take hours, and another bucket of that name never let this caller in.
  Result<objects::Bucket> same_bucket(const Call& call, store::Transaction& tx) const {
    TRY(objects::Bucket bucket, bucket_of(call, tx, begin_.in));
    if (is_same(bucket, begin_.bucket)) return bucket;
    return no_such_bucket(begin_.in.Bucket());
  }

  Result<> take(std::span<const wire::Trailer> trailers) {
    TRY(body_, begin_.upload.seal());
    TRY(begin_.options.checksum, begin_.checks.settle(body_, trailers));
    return {};
  }

  Result<wire::Node> put(Call& call) {
    store::Transaction& tx = call.tx();
    TRY(const objects::Bucket bucket, same_bucket(call, tx));
    TRY_DO(give_list(call, tx, bucket, begin_.in.Key(), wanted_acl(begin_.in),
                     begin_.options.attributes.properties));
    begin_.options.cause = cause_of(call);
    if (is_form(call)) begin_.options.cause.way = objects::Cause::Way::form;
    TRY(const objects::Lock lock, lock_of_new(call, tx, bucket.name, wanted_lock(begin_.in)));
    TRY(const objects::Object made,
        door_.objects.put(tx, name_of(begin_.in), std::move(body_), std::move(begin_.options)));
    if (!lock.empty()) TRY_DO(objects::put_lock(tx, made, lock));
    auto out = call.output<api::PutObjectOutput>();
    out.ETag(etag_header(made.etag)).Expiration(expiration_of(door_, tx, bucket, made));
    show_checksum(out, made.checksum);
    show_encryption(out);
    if (bucket.versioning == objects::Versioning::enabled) out.VersionId(made.version);
    return out.node();
  }

  const S3Door door_;
  Begin begin_;
  objects::SealedBody body_;  // since seal()
};

}  // namespace

// Refuses before the body is read what can be told from the head; conditions, the bucket and what
// it lets a list say are looked at again where the object appears.
Result<std::unique_ptr<UploadSink>> put_object(const S3Door& door, Call& call,
                                               api::PutObjectRequest in) {
  TRY_DO(check_announced_size(call));
  TRY(objects::ObjectSettings attributes, read_attributes(in));
  TRY(objects::WriteCondition condition, write_condition(in.IfMatch(), in.IfNoneMatch()));
  TRY(BodyChecks checks, BodyChecks::of(call, in));
  TRY_DO(check_lock_integrity(call, in));
  if (in.WriteOffsetBytes())
    return refuse("NotImplemented",
                  "Slipway does not append to objects (x-amz-write-offset-bytes).");
  TRY(objects::Bucket bucket,
      door.store.read([&](store::Transaction& tx) -> Result<objects::Bucket> {
        TRY(objects::Bucket found, bucket_of(call, tx, in));
        TRY_DO(lock_of_new(call, tx, in.Bucket(), wanted_lock(in)));
        TRY_DO(give_list(call, tx, found, in.Key(), wanted_acl(in), attributes.properties));
        return found;
      }));
  objects::Upload upload =
      door.objects.begin({.checksums = {checks.kind()}, .bytes_max = body_bytes_max});
  return std::make_unique<PutSink>(
      door, PutSink::Begin{in,
                           std::move(checks),
                           {.attributes = std::move(attributes), .condition = std::move(condition)},
                           std::move(upload),
                           std::move(bucket)});
}

}  // namespace slipway::s3
