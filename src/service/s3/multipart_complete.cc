// The end of an upload in parts: what its request must say of checksums, and what it makes.
#include "base/encoding.h"
#include "service/s3/attributes.h"
#include "service/s3/checksums.h"
#include "service/s3/conditions.h"
#include "service/s3/lifecycle.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"

namespace slipway::s3 {
namespace {

// A checksum as it was given, of whatever form: a wrong one is told by the part that it is of.
template <typename Part>
std::optional<GivenChecksum> checksum_of(const Part& part) {
  using enum ChecksumKind;
  const std::pair<ChecksumKind, std::optional<std::string_view>> all[] = {
      {crc32, part.ChecksumCRC32()},         {crc32c, part.ChecksumCRC32C()},
      {crc64nvme, part.ChecksumCRC64NVME()}, {sha1, part.ChecksumSHA1()},
      {sha256, part.ChecksumSHA256()},       {sha512, part.ChecksumSHA512()}};
  for (const auto& [kind, value] : all)
    if (value) return GivenChecksum{kind, std::string(*value)};
  return std::nullopt;
}

std::vector<objects::PartReference> references(api::CompleteMultipartUploadRequest in) {
  std::vector<objects::PartReference> parts;
  for (const auto part : in.MultipartUpload().Parts()) {
    auto& reference = parts.emplace_back();
    reference.number = static_cast<std::uint32_t>(std::max(part.PartNumber().value_or(0), 0));
    reference.etag = unquoted(part.ETag().value_or(""));
    if (auto given = checksum_of(part)) reference.checksum_base64 = std::move(given->base64);
  }
  return parts;
}

std::string kind_named(ChecksumKind kind) { return lower_case(wire::name_of(kind)); }

// The type that is named is the upload's own.
Result<> check_type(api::CompleteMultipartUploadRequest in, const objects::Multipart& upload) {
  const std::string_view kept = upload.checksum_kind ? name_of(upload.checksum_scope) : "null";
  if (!in.ChecksumType() || *in.ChecksumType() == kept) return {};
  return refuse("InvalidRequest",
                fmt::format("The upload was created using the {} checksum mode. The complete "
                            "request must use the same checksum mode.",
                            kept));
}

// A checksum that is made of those of the parts needs them all, and of its own kind.
Result<> check_composite(api::CompleteMultipartUploadRequest in, ChecksumKind kind) {
  for (const auto part : in.MultipartUpload().Parts()) {
    const std::int32_t number = part.PartNumber().value_or(0);
    const auto given = checksum_of(part);
    if (!given)
      return refuse("InvalidRequest",
                    fmt::format("The upload was created using a {} checksum. The complete request "
                                "must include the checksum for each part. It was missing for part "
                                "{} in the request.",
                                kind_named(kind), number));
    if (given->kind != kind)
      return refuse("BadDigest",
                    fmt::format("The {} you specified for part {} did not match what we received.",
                                kind_named(given->kind), number));
  }
  return {};
}

// What can be said before the parts are put together.
Result<> check_upload(api::CompleteMultipartUploadRequest in, const objects::Multipart& upload) {
  TRY_DO(check_type(in, upload));
  if (in.MultipartUpload().Parts().empty())
    return refuse("InvalidRequest", "You must specify at least one part");
  if (upload.checksum_kind && upload.checksum_scope == ChecksumScope::composite)
    return check_composite(in, *upload.checksum_kind);
  return {};
}

// Of an upload that asked for no checksum only one of the kind that S3 keeps anyway is looked at;
// of one that asked for a checksum of the whole the request names that type, where there is
// another.
Result<> check_whole(api::CompleteMultipartUploadRequest in,
                     const std::optional<objects::Multipart>& upload, const objects::Object& made) {
  const auto given = checksum_of(in);
  if (!given || !made.checksum) return {};
  const bool asked = !upload || upload->checksum_kind;
  if (!asked && given->kind != made.checksum->kind) return {};
  const bool whole = made.checksum->scope == ChecksumScope::full_object;
  const bool type_needed = upload && asked && whole && given->kind != ChecksumKind::crc64nvme;
  if (given->base64 == made.checksum->base64 && (in.ChecksumType() || !type_needed)) return {};
  return refuse("BadDigest",
                fmt::format("The {} you specified did not match the calculated checksum.",
                            kind_named(given->kind)));
}

// Runs inside the change: an error takes the completion back.
Result<> check_size(api::CompleteMultipartUploadRequest in, const objects::Object& made) {
  if (in.MpuObjectSize() && *in.MpuObjectSize() != static_cast<std::int64_t>(made.size))
    return refuse("InvalidRequest",
                  fmt::format("The provided 'x-amz-mp-object-size' header value {} does not match "
                              "what was computed: {}",
                              *in.MpuObjectSize(), made.size));
  return {};
}

// The lock of what an upload becomes; nothing where it has become it before.
Result<objects::Lock> lock_of_upload(Call& call, std::string_view bucket,
                                     const std::optional<objects::Multipart>& upload) {
  if (!upload) return objects::Lock{};
  const objects::Lock kept = kept_lock(upload->attributes.properties);
  if (kept.retention) return kept;
  TRY(objects::Lock lock, lock_of_new(call, call.tx(), bucket, {}));
  lock.hold = kept.hold;
  return lock;
}

// Where the object is for who asked so: a host of the bucket's own stands for its name in the path.
std::string location_of(const net::RequestHead& head, api::CompleteMultipartUploadRequest in) {
  const bool own_host = percent_decode(head.path.substr(1)) == in.Key();
  return fmt::format("{}://{}{}{}/{}", head.secure ? "https" : "http", head.headers.get("host"),
                     own_host ? "" : "/", own_host ? "" : in.Bucket(),
                     percent_encode(in.Key(), "/"));
}

}  // namespace

Result<api::CompleteMultipartUploadOutput> complete_multipart_upload(
    const Door& door, Call& call, api::CompleteMultipartUploadRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const objects::WriteCondition condition, write_condition(in.IfMatch(), in.IfNoneMatch()));
  const objects::MultipartName name{std::string(in.Bucket()), std::string(in.Key()),
                                    std::string(in.UploadId())};
  std::optional<objects::Multipart> upload;  // none: it was completed, or there never was one
  if (auto found = objects::find_multipart(call.tx(), name)) upload = *std::move(found);
  if (upload) TRY_DO(check_upload(in, *upload));
  TRY(const objects::Lock lock, lock_of_upload(call, in.Bucket(), upload));
  TRY(const objects::Object made,
      door.objects.complete(call.tx(), name, references(in), condition, cause_of(call)));
  if (!lock.empty()) TRY_DO(objects::put_lock(call.tx(), made, lock));
  TRY_DO(check_whole(in, upload, made));
  TRY_DO(check_size(in, made));
  auto out = call.output<api::CompleteMultipartUploadOutput>();
  out.Bucket(in.Bucket()).Key(in.Key()).ETag(etag_header(made.etag));
  out.Expiration(expiration_of(door, call.tx(), bucket, made));
  out.Location(location_of(call.head(), in));
  show_checksum(out, made.checksum);
  show_encryption(out);
  if (bucket.versioning == objects::Versioning::enabled) out.VersionId(made.version);
  return out;
}

}  // namespace slipway::s3
