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

template <typename In>
objects::MultipartName upload_of(const In& in) {
  return {std::string(in.Bucket()), std::string(in.Key()), std::string(in.UploadId())};
}

// Of an initiator S3 says a name too, which is the account's number.
void fill_initiator(api::Initiator initiator, std::string_view account) {
  fill_owner(initiator, account);
  initiator.DisplayName(account);
}

// Which checksum the upload keeps, and whether it is one of the whole or of the parts.
struct ChecksumPlan {
  std::optional<ChecksumKind> kind;
  ChecksumScope scope = ChecksumScope::full_object;
};

Result<ChecksumPlan> checksum_plan(api::CreateMultipartUploadRequest in) {
  TRY(const auto kind, kind_of(in.ChecksumAlgorithm()));
  TRY(const auto scope, scope_of(in.ChecksumType()));
  if (!kind) {
    if (!scope) return ChecksumPlan{};
    return refuse("InvalidRequest",
                  "The x-amz-checksum-type header can only be used with the "
                  "x-amz-checksum-algorithm header.");
  }
  const bool whole_only = *kind == ChecksumKind::crc64nvme;
  const bool parts_only = !wire::is_crc(*kind);
  const bool composite = scope ? *scope == ChecksumScope::composite : !whole_only;
  if ((composite && whole_only) || (!composite && parts_only))
    return refuse(
        "InvalidRequest",
        fmt::format("The {} checksum type cannot be used with the {} checksum algorithm.",
                    composite ? "COMPOSITE" : "FULL_OBJECT", lower_case(wire::name_of(*kind))));
  return ChecksumPlan{kind, composite ? ChecksumScope::composite : ChecksumScope::full_object};
}

}  // namespace

Result<api::CreateMultipartUploadOutput> create_multipart_upload(
    const S3Door& door, Call& call, api::CreateMultipartUploadRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const ChecksumPlan plan, checksum_plan(in));
  TRY(objects::ObjectSettings attributes, read_attributes(in));
  TRY_DO(give_list(call, call.tx(), bucket, in.Key(), wanted_acl(in), attributes.properties));
  if (const WantedLock wanted = wanted_lock(in); wanted.given()) {
    TRY(const objects::Lock lock, lock_of_new(call, call.tx(), bucket.name, wanted));
    keep_lock(lock, attributes.properties);
  }
  auto out = call.output<api::CreateMultipartUploadOutput>();
  show_encryption(out);
  TRY(const objects::Multipart made,
      door.objects.create_multipart(call.tx(), {.bucket = bucket.name,
                                                .key = std::string(in.Key()),
                                                .attributes = std::move(attributes),
                                                .checksum_kind = plan.kind,
                                                .checksum_scope = plan.scope}));
  if (plan.kind) out.ChecksumAlgorithm(wire::name_of(*plan.kind)).ChecksumType(name_of(plan.scope));
  if (const auto end = end_of_upload(door, call.tx(), bucket, made))
    out.AbortDate(end->at).AbortRuleId(end->rule);
  return out.Bucket(in.Bucket()).Key(in.Key()).UploadId(made.name.upload);
}

namespace {

// One UploadPart on its way.
class PartSink final : public UploadSink {
 public:
  struct Begin {
    api::UploadPartRequest in;
    BodyChecks checks;
    objects::Upload upload;
  };
  PartSink(const S3Door& door, Begin begin) : door_(door), begin_(std::move(begin)) {}

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

  Result<> take(std::span<const wire::Trailer> trailers) {
    TRY(body_, begin_.upload.seal());
    TRY(checksum_, begin_.checks.settle(body_, trailers));
    return {};
  }

  Result<wire::Node> put(Call& call) {
    const auto number = static_cast<std::uint32_t>(begin_.in.PartNumber());
    TRY(const objects::Part part,
        door_.objects.put_part(call.tx(), upload_of(begin_.in), number, std::move(body_)));
    auto out = call.output<api::UploadPartOutput>();
    out.ETag(etag_header(part.etag));
    show_checksum(out, checksum_);
    show_encryption(out);
    return out.node();
  }

  const S3Door door_;
  Begin begin_;
  // Since seal().
  objects::SealedBody body_;
  objects::ObjectChecksum checksum_;
};

// A part of an upload that asked for a checksum brings one of that kind, or, where the whole has
// one of its own, none.
Result<> check_part_kind(const objects::Multipart& upload, const BodyChecks& checks) {
  if (!upload.checksum_kind) return {};
  const bool may_lack = upload.checksum_scope == ChecksumScope::full_object;
  const bool same = checks.kind() == *upload.checksum_kind;
  if (checks.asked() ? same : may_lack) return {};
  return refuse("InvalidRequest",
                fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual "
                            "checksum Type: {}",
                            lower_case(wire::name_of(*upload.checksum_kind)),
                            checks.asked() ? lower_case(wire::name_of(checks.kind())) : "null"));
}

}  // namespace

Result<std::unique_ptr<UploadSink>> upload_part(const S3Door& door, Call& call,
                                                api::UploadPartRequest in) {
  TRY_DO(check_encryption({.customer = customer_key(in)}));
  TRY_DO(check_announced_size(call));
  TRY_DO(check_part_number(in.PartNumber()));
  TRY(BodyChecks checks, BodyChecks::of(call, in));
  TRY(objects::Multipart upload,
      door.store.read([&](store::Transaction& tx) -> Result<objects::Multipart> {
        TRY_DO(bucket_of(call, tx, in));
        return objects::find_multipart(tx, upload_of(in));
      }));
  const ChecksumKind kept = upload.checksum_kind.value_or(ChecksumKind::crc64nvme);
  checks.use(kept);
  TRY_DO(check_part_kind(upload, checks));
  objects::UploadOptions options{.checksums = {checks.kind()},
                                 .bytes_max = body_bytes_max,
                                 .placement = objects::UploadOptions::Placement::file};
  if (checks.kind() != kept) options.checksums.push_back(kept);
  return std::make_unique<PartSink>(
      door, PartSink::Begin{in, std::move(checks), door.objects.begin(std::move(options))});
}

Result<api::AbortMultipartUploadOutput> abort_multipart_upload(
    const S3Door& door, Call& call, api::AbortMultipartUploadRequest in) {
  TRY_DO(bucket_of(call, call.tx(), in));
  if (in.IfMatchInitiatedTime()) return header_not_implemented("x-amz-if-match-initiated-time");
  TRY_DO(door.objects.abort(call.tx(), upload_of(in)));
  return call.output<api::AbortMultipartUploadOutput>();
}

Result<api::ListPartsOutput> list_parts(const S3Door& door, Call& call, api::ListPartsRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const std::int32_t limit, page_size(in.MaxParts(), "max-parts"));
  TRY(const objects::Multipart upload, objects::find_multipart(call.tx(), upload_of(in)));
  const std::int32_t after = in.PartNumberMarker().value_or(0);
  if (after < 0)
    return invalid_argument(
        "Argument part-number-marker must be an integer between 0 and 2147483647",
        {"part-number-marker", std::to_string(after)});
  TRY(const objects::PartPage page,
      objects::list_parts(call.tx(), {.name = upload.name,
                                      .after_number = static_cast<std::uint32_t>(after),
                                      .entries_max = static_cast<std::uint32_t>(limit)}));
  auto out = call.output<api::ListPartsOutput>();
  out.Bucket(in.Bucket()).Key(in.Key()).UploadId(in.UploadId());
  out.PartNumberMarker(after)
      .NextPartNumberMarker(static_cast<std::int32_t>(page.next))
      .MaxParts(limit)
      .IsTruncated(page.truncated)
      .StorageClass(upload.attributes.storage_class);
  if (const auto end = end_of_upload(door, call.tx(), bucket, upload))
    out.AbortDate(end->at).AbortRuleId(end->rule);
  auto owner = call.output<api::Owner>();
  fill_owner(owner, bucket.account);
  auto initiator = call.output<api::Initiator>();
  fill_initiator(initiator, bucket.account);
  out.Owner(owner).Initiator(initiator);
  if (upload.checksum_kind)
    out.ChecksumAlgorithm(wire::name_of(*upload.checksum_kind))
        .ChecksumType(name_of(upload.checksum_scope));
  for (const objects::Part& part : page.parts) {
    auto shown = out.add_Parts();
    shown.PartNumber(static_cast<std::int32_t>(part.number))
        .LastModified(shown_time(part.modified))
        .ETag(etag_header(part.etag))
        .Size(static_cast<std::int64_t>(part.size));
    if (upload.checksum_kind) show_checksum(shown, part.checksum);
  }
  return out;
}

namespace {

void show_upload(Call& call, api::ListMultipartUploadsOutput& out, const objects::Bucket& bucket,
                 const objects::Multipart& upload, const NameEncoding& encode) {
  auto owner = call.output<api::Owner>();
  fill_owner(owner, bucket.account);
  auto initiator = call.output<api::Initiator>();
  fill_initiator(initiator, bucket.account);
  auto shown = out.add_Uploads();
  shown.UploadId(upload.name.upload)
      .Key(encode(upload.name.key))
      .Initiated(shown_time(upload.started))
      .StorageClass(upload.attributes.storage_class)
      .Owner(owner)
      .Initiator(initiator);
  if (upload.checksum_kind)
    shown.ChecksumAlgorithm(wire::name_of(*upload.checksum_kind))
        .ChecksumType(name_of(upload.checksum_scope));
}

// Without a key the marker says nothing; with one it is of an upload of that key.
Result<std::string> upload_marker(Call& call, api::ListMultipartUploadsRequest in) {
  const std::string marker(in.UploadIdMarker().value_or(""));
  const std::string key(in.KeyMarker().value_or(""));
  if (marker.empty() || key.empty()) return std::string();
  const bool known =
      objects::is_upload_id(marker) &&
      objects::find_multipart(call.tx(), {std::string(in.Bucket()), key, marker}).has_value();
  if (known) return marker;
  return invalid_argument("Invalid uploadId marker", {"upload-id-marker", marker});
}

}  // namespace

Result<api::ListMultipartUploadsOutput> list_multipart_uploads(
    Call& call, api::ListMultipartUploadsRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const std::int32_t limit, page_size(in.MaxUploads(), "max-uploads"));
  TRY_DO(check_encoding(in.EncodingType()));
  TRY(const std::string after_upload, upload_marker(call, in));
  const objects::MultipartQuery query{.bucket = bucket.name,
                                      .prefix = std::string(in.Prefix().value_or("")),
                                      .delimiter = std::string(in.Delimiter().value_or("")),
                                      .after_key = std::string(in.KeyMarker().value_or("")),
                                      .after_upload = after_upload,
                                      .entries_max = static_cast<std::uint32_t>(limit)};
  TRY(const objects::MultipartPage page, objects::list_multiparts(call.tx(), query));
  const NameEncoding encode(in.EncodingType());
  auto out = call.output<api::ListMultipartUploadsOutput>();
  out.Bucket(in.Bucket())
      .KeyMarker(encode(query.after_key))
      .UploadIdMarker(query.after_upload)
      .MaxUploads(limit)
      .IsTruncated(page.truncated)
      .EncodingType(in.EncodingType());
  if (!query.prefix.empty()) out.Prefix(encode(query.prefix));
  if (!query.delimiter.empty()) out.Delimiter(encode(query.delimiter));
  for (const objects::Multipart& upload : page.uploads)
    show_upload(call, out, bucket, upload, encode);
  for (const std::string& prefix : page.common_prefixes)
    out.add_CommonPrefixes().Prefix(encode(prefix));
  return out.NextKeyMarker(encode(page.next_key)).NextUploadIdMarker(page.next_upload);
}

}  // namespace slipway::s3
