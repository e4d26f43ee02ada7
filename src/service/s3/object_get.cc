#include <algorithm>

#include "service/s3/attributes.h"
#include "service/s3/body.h"
#include "service/s3/checksums.h"
#include "service/s3/conditions.h"
#include "service/s3/lifecycle.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"
#include "service/s3/restore.h"

namespace slipway::s3 {
namespace {

// What of an object a request is answered with.
struct Selection {
  objects::Bucket bucket;
  objects::Object object;
  objects::ByteRange range;
  bool partial = false;
  std::optional<objects::Part> part = {};
  objects::Lock lock = {};
  std::optional<std::string> expiration = {};
};

template <typename In>
ReadConditions conditions_of(const Call& call, const In& in) {
  return {call.now(), in.IfMatch(), in.IfNoneMatch(), in.IfModifiedSince(), in.IfUnmodifiedSince()};
}

std::unexpected<Error> no_such_part_number(std::int32_t number, std::size_t count) {
  return std::unexpected(Error{ErrorCode::invalid_argument,
                               "The requested partnumber is not satisfiable",
                               "InvalidPartNumber",
                               {{"PartNumberRequested", std::to_string(number)},
                                {"ActualPartCount", std::to_string(count)}}});
}

// ?partNumber=N: the N-th part; an object written as one is its own first part.
Result<> select_part(store::Transaction& tx, std::int32_t number, Selection& selection) {
  const std::vector<objects::Part> parts = objects::parts_of(tx, selection.object);
  selection.partial = true;
  if (parts.empty()) {
    if (number != 1) return no_such_part_number(number, 1);
    return {};
  }
  std::uint64_t offset = 0;
  for (const objects::Part& part : parts) {
    if (part.number == static_cast<std::uint32_t>(number)) {
      selection.range = {offset, part.size};
      selection.part = part;
      return {};
    }
    offset += part.size;
  }
  return no_such_part_number(number, parts.size());
}

template <typename In>
Result<> select_range(store::Transaction& tx, const In& in, Selection& selection) {
  selection.range = {0, selection.object.size};
  if (in.PartNumber() && in.Range())
    return refuse("InvalidRequest",
                  "Cannot specify both Range header and partNumber query parameter");
  if (in.PartNumber()) return select_part(tx, *in.PartNumber(), selection);
  if (!in.Range()) return {};
  TRY(const auto range, parse_range(*in.Range(), selection.object.size));
  if (!range) return {};
  selection.range = *range;
  selection.partial = true;
  return {};
}

template <typename In>
Result<Selection> select(Call& call, store::Transaction& tx, const In& in,
                         const objects::Object& object) {
  Selection selection;
  TRY(selection.bucket, bucket_of(call, tx, in));
  selection.object = object;
  if (object.delete_marker) return refuse_delete_marker(call, object);
  TRY_DO(check_conditions(conditions_of(call, in), object, Unmodified::not_modified));
  TRY_DO(select_range(tx, in, selection));
  if (selection.bucket.versioning != objects::Versioning::never)
    selection.lock = objects::find_lock(tx, object);
  return selection;
}

bool is_composite(const objects::Object& object) {
  return object.checksum && object.checksum->scope == objects::ChecksumScope::composite;
}

// Checksums are of the whole object or of a part; a client cannot hold a range against them. The
// parts of an object whose checksum is one of the whole do not show theirs.
template <typename Out, typename In>
void show_checksum_if_asked(Out& out, const In& in, const Selection& selection) {
  if (in.ChecksumMode() != "ENABLED") return;
  if (selection.part && is_composite(selection.object)) {
    auto checksum = selection.part->checksum;
    if (checksum) checksum->scope = objects::ChecksumScope::composite;
    return show_checksum(out, checksum);
  }
  const bool asked_for_part = in.PartNumber() && !selection.part;
  const bool whole = selection.range.length == selection.object.size && !asked_for_part;
  if (whole) show_checksum(out, selection.object.checksum);
}

template <typename Out, typename In>
void show(Call& call, Out& out, const In& in, const Selection& selection) {
  const objects::Object& object = selection.object;
  show_properties(out, object);
  out.Restore(shown_restore(object, call.now()));
  out.AcceptRanges("bytes")
      .LastModified(object.modified)
      .ETag(etag_header(object.etag))
      .Expiration(selection.expiration);
  if (selection.bucket.versioning != objects::Versioning::never) out.VersionId(object.version);
  show_checksum_if_asked(out, in, selection);
  show_lock(call, out, object, selection.lock);
  if (in.PartNumber() && object.parts > 0) out.PartsCount(static_cast<std::int32_t>(object.parts));
  if (!selection.partial || object.size == 0) return;
  call.set_status(206);
  out.ContentRange(fmt::format("bytes {}-{}/{}", selection.range.offset,
                               selection.range.offset + selection.range.length - 1, object.size));
}

// A link that nobody signed must not choose how a browser takes what it leads to.
template <typename In>
Result<> refuse_strangers_headers(const Call& call, const In& in) {
  const bool asks = in.ResponseCacheControl() || in.ResponseContentDisposition() ||
                    in.ResponseContentEncoding() || in.ResponseContentLanguage() ||
                    in.ResponseContentType() || in.ResponseExpires();
  if (!asks || !call.caller().principal.is_stranger()) return {};
  return refuse("InvalidRequest",
                "Request specific response headers cannot be used for anonymous GET requests.");
}

// response-content-type and its like.
template <typename Out, typename In>
void override_headers(Out& out, const In& in) {
  if (in.ResponseCacheControl()) out.CacheControl(in.ResponseCacheControl());
  if (in.ResponseContentDisposition()) out.ContentDisposition(in.ResponseContentDisposition());
  if (in.ResponseContentEncoding()) out.ContentEncoding(in.ResponseContentEncoding());
  if (in.ResponseContentLanguage()) out.ContentLanguage(in.ResponseContentLanguage());
  if (in.ResponseContentType()) out.ContentType(in.ResponseContentType());
  if (in.ResponseExpires()) out.Expires(in.ResponseExpires());
}

}  // namespace

Result<api::GetObjectOutput> get_object(const S3Door& door, Call& call, api::GetObjectRequest in) {
  TRY_DO(refuse_strangers_headers(call, in));
  if (in.PartNumber()) TRY_DO(check_part_number(*in.PartNumber()));
  TRY_DO(check_reading_key(customer_key(in)));
  Selection selection;
  const auto choose =
      [&](store::Transaction& tx,
          const objects::Object& object) -> Result<std::optional<objects::ByteRange>> {
    TRY_DO(permit_reading(call, tx, name_of(in)));
    TRY(selection, select(call, tx, in, object));
    TRY_DO(check_readable(object, call.now()));
    if (!in.VersionId()) selection.expiration = expiration_of(door, tx, selection.bucket, object);
    return selection.range;
  };
  TRY(objects::Objects::Opened opened, door.objects.open_object(name_of(in), choose));
  TRY(net::Body body, to_body(std::move(opened.content)));
  call.set_body(std::move(body));
  auto out = call.output<api::GetObjectOutput>();
  show(call, out, in, selection);
  override_headers(out, in);
  return out;
}

// Says what GetObject would: also that the bytes are not there.
Result<api::HeadObjectOutput> head_object(const S3Door& door, Call& call,
                                          api::HeadObjectRequest in) {
  TRY_DO(refuse_strangers_headers(call, in));
  if (in.PartNumber()) TRY_DO(check_part_number(*in.PartNumber()));
  TRY_DO(check_reading_key(customer_key(in)));
  TRY(const objects::Object object, objects::find(call.tx(), name_of(in)));
  TRY(Selection selection, select(call, call.tx(), in, object));
  if (!in.VersionId())
    selection.expiration = expiration_of(door, call.tx(), selection.bucket, object);
  TRY_DO(door.objects.check(call.tx(), object));
  auto out = call.output<api::HeadObjectOutput>();
  show(call, out, in, selection);
  override_headers(out, in);
  out.ContentLength(static_cast<std::int64_t>(selection.range.length));
  return out;
}

namespace {

Result<> check_attributes(api::GetObjectAttributesRequest in) {
  constexpr std::string_view names[] = {"ETag", "Checksum", "ObjectParts", "StorageClass",
                                        "ObjectSize"};
  if (in.ObjectAttributes().empty())
    return refuse("InvalidRequest",
                  "The x-amz-object-attributes header specifying the attributes to be retrieved is "
                  "either missing or empty");
  for (const std::string_view name : in.ObjectAttributes())
    if (std::ranges::find(names, name) == std::end(names))
      return invalid_argument("Invalid attribute name specified.",
                              {"x-amz-object-attributes", std::string(name)});
  return {};
}

bool asks_for(api::GetObjectAttributesRequest in, std::string_view attribute) {
  return std::ranges::any_of(in.ObjectAttributes(),
                             [&](std::string_view each) { return each == attribute; });
}

Result<api::GetObjectAttributesParts> attribute_parts(Call& call,
                                                      api::GetObjectAttributesRequest in,
                                                      const objects::Object& object) {
  TRY(const std::int32_t limit, page_size(in.MaxParts(), "max-parts"));
  const std::int32_t after = in.PartNumberMarker().value_or(0);
  auto out = call.output<api::GetObjectAttributesParts>();
  out.TotalPartsCount(static_cast<std::int32_t>(object.parts));
  // S3 tells of the parts only where they have checksums that the object's own is made of.
  if (!is_composite(object)) return out;
  out.PartNumberMarker(after).NextPartNumberMarker(0).MaxParts(limit).IsTruncated(false);
  std::int32_t count = 0;
  for (const objects::Part& part : objects::parts_of(call.tx(), object)) {
    const auto number = static_cast<std::int32_t>(part.number);
    if (number <= after) continue;
    if (count++ == limit) {
      out.IsTruncated(true);
      break;
    }
    auto shown = out.add_Parts();
    shown.PartNumber(number).Size(static_cast<std::int64_t>(part.size));
    show_checksum(shown, part.checksum);
    out.NextPartNumberMarker(number);
  }
  return out;
}

}  // namespace

Result<api::GetObjectAttributesOutput> get_object_attributes(Call& call,
                                                             api::GetObjectAttributesRequest in) {
  TRY_DO(check_reading_key(customer_key(in)));
  TRY_DO(check_attributes(in));
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY(const objects::Object object, objects::find(call.tx(), name_of(in)));
  if (object.delete_marker) return refuse_delete_marker(call, object);
  auto out = call.output<api::GetObjectAttributesOutput>();
  out.LastModified(object.modified);
  if (bucket.versioning != objects::Versioning::never) out.VersionId(object.version);
  if (asks_for(in, "ETag")) out.ETag(object.etag);
  if (asks_for(in, "ObjectSize")) out.ObjectSize(static_cast<std::int64_t>(object.size));
  if (asks_for(in, "StorageClass")) out.StorageClass(object.storage_class);
  if (asks_for(in, "Checksum") && object.checksum) {
    objects::ObjectChecksum bare = *object.checksum;  // the count of the parts stands elsewhere
    bare.base64 = bare.base64.substr(0, bare.base64.find('-'));
    auto checksum = call.output<api::Checksum>();
    show_checksum(checksum, bare);
    out.Checksum(checksum);
  }
  if (asks_for(in, "ObjectParts") && object.parts > 0) {
    TRY(const auto parts, attribute_parts(call, in, object));
    out.ObjectParts(parts);
  }
  return out;
}

}  // namespace slipway::s3
