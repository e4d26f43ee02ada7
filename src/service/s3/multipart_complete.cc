// The end of an upload in parts: what its request must say of checksums, and what it makes.
#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "service/s3/attributes.h"
#include "service/s3/checksums.h"
#include "service/s3/conditions.h"
#include "service/s3/errors.h"
#include "service/s3/lifecycle.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"

namespace slipway::s3 {
namespace {

// The checksum of a part, or of the whole, once it is known that there are not several.
template <typename In>
std::optional<GivenChecksum> checksum_of(const In& in) {
  std::vector<GivenChecksum> all = all_checksums(in);
  if (all.empty()) return std::nullopt;
  return std::move(all.front());
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

// A checksum of the parts' checksums may have their number after it.
Result<> check_form_of_whole(const GivenChecksum& given) {
  std::string_view number = given.base64;
  const std::string_view value = take_until(number, '-');
  TRY_DO(service::check_checksum_form(given.kind, value));
  const bool has_number = value.size() < given.base64.size();
  const bool counts =
      !number.empty() && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (!has_number || counts) return {};
  return service::check_checksum_form(given.kind, given.base64);
}

// What the request says of the whole, whatever was uploaded.
Result<> check_head(api::CompleteMultipartUploadRequest in) {
  const std::vector<GivenChecksum> all = all_checksums(in);
  if (all.size() > 1) return service::several_checksums();
  if (!all.empty()) TRY_DO(check_form_of_whole(all.front()));
  if (in.MpuObjectSize().value_or(0) < 0)
    return refuse("InvalidRequest",
                  fmt::format("Value for x-amz-mp-object-size header is less than zero: '{}'",
                              *in.MpuObjectSize()));
  return {};
}

std::unexpected<Error> bad_checksums(const std::vector<GivenChecksum>& all) {
  std::string value;
  for (const GivenChecksum& one : all)
    value +=
        all.size() == 1 ? one.base64 : fmt::format("{}:{};", wire::name_of(one.kind), one.base64);
  return invalid_argument("Invalid Base64 or multiple checksums present in request",
                          {"Checksum", std::move(value)});
}

// What the document says of each part, whatever was uploaded.
Result<> check_parts(api::CompleteMultipartUploadRequest in) {
  for (const auto part : in.MultipartUpload().Parts()) {
    if (!part.PartNumber() || !part.ETag())
      return refuse("MalformedXML", std::string(malformed_xml));
    if (*part.PartNumber() < 1)
      return invalid_argument("PartNumber must be >= 1",
                              {"PartNumber", std::to_string(*part.PartNumber())});
    const std::vector<GivenChecksum> all = all_checksums(part);
    if (all.empty()) continue;
    const GivenChecksum& one = all.front();
    if (all.size() > 1 || !service::check_checksum_form(one.kind, one.base64))
      return bad_checksums(all);
  }
  return {};
}

// The type that is named is the upload's own.
Result<> check_type(api::CompleteMultipartUploadRequest in, const objects::Multipart& upload) {
  TRY(const auto scope, scope_of(in.ChecksumType()));
  const std::string_view kept = upload.checksum_kind ? name_of(upload.checksum_scope) : "null";
  if (!scope || name_of(*scope) == kept) return {};
  return refuse("InvalidRequest",
                fmt::format("The upload was created using the {} checksum mode. The complete "
                            "request must use the same checksum mode.",
                            kept));
}

// The checksums of parts are of the upload's kind; one that is made of them needs them all.
Result<> check_kinds(api::CompleteMultipartUploadRequest in, ChecksumKind kind,
                     ChecksumScope scope) {
  for (const auto part : in.MultipartUpload().Parts()) {
    const std::int32_t number = part.PartNumber().value_or(0);
    const auto given = checksum_of(part);
    if (!given && scope == ChecksumScope::full_object) continue;
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
  TRY_DO(check_parts(in));
  if (!upload.checksum_kind) return {};
  return check_kinds(in, *upload.checksum_kind, upload.checksum_scope);
}

// A checksum of the parts' checksums may come without their number.
bool is_same(std::string_view given, const objects::ObjectChecksum& made) {
  const std::string_view kept = made.base64;
  if (given == kept) return true;
  return made.scope == ChecksumScope::composite && given == kept.substr(0, kept.find('-'));
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
  const bool same = given->kind == made.checksum->kind && is_same(given->base64, *made.checksum);
  if (same && (in.ChecksumType() || !type_needed)) return {};
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
std::string location_of(const Call& call, api::CompleteMultipartUploadRequest in) {
  const std::string_view path = service::path_of(call);
  const bool own_host = path.starts_with('/') && percent_decode(path.substr(1)) == in.Key();
  return fmt::format("{}{}{}/{}", call.origin(), own_host ? "" : "/", own_host ? "" : in.Bucket(),
                     percent_encode(in.Key(), "/"));
}

}  // namespace

Result<api::CompleteMultipartUploadOutput> complete_multipart_upload(
    const S3Door& door, Call& call, api::CompleteMultipartUploadRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const objects::WriteCondition condition, write_condition(in.IfMatch(), in.IfNoneMatch()));
  TRY_DO(check_head(in));
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
  out.Location(location_of(call, in));
  show_checksum(out, made.checksum);
  show_encryption(out);
  if (bucket.versioning == objects::Versioning::enabled) out.VersionId(made.version);
  return out;
}

}  // namespace slipway::s3
