#include "service/s3/checksums.h"
#include "service/s3/operations.h"
#include "service/s3/restore.h"

namespace slipway::s3 {
namespace {

std::string text(std::optional<std::string_view> value) { return std::string(value.value_or("")); }

// What every listing of objects is asked for and answers alike.
template <typename In>
Result<objects::ListQuery> query_of(const In& in) {
  TRY(const std::int32_t limit, page_size(in.MaxKeys(), "maxKeys"));
  return objects::ListQuery{.bucket = std::string(in.Bucket()),
                            .prefix = text(in.Prefix()),
                            .delimiter = text(in.Delimiter()),
                            .after = {},
                            .entries_max = static_cast<std::uint32_t>(limit)};
}

// How the entries of a list are shown.
struct Look {
  NameEncoding encode;
  std::optional<Timestamp> restored_at;  // whether to say what is restored: then
};

template <typename In>
Look look_of(const Call& call, const In& in) {
  const auto more = in.OptionalObjectAttributes();
  const bool restored = std::ranges::find(more, "RestoreStatus") != more.end();
  return {NameEncoding(in.EncodingType()), restored ? std::optional(call.now()) : std::nullopt};
}

template <typename Entry>
void show_object(Entry entry, const objects::Object& object, const Look& look) {
  const NameEncoding& encode = look.encode;
  entry.Key(encode(object.key))
      .LastModified(shown_time(object.modified))
      .ETag(etag_header(object.etag))
      .Size(static_cast<std::int64_t>(object.size))
      .StorageClass(object.storage_class);
  if (look.restored_at)
    if (const auto until = restored_until(object, *look.restored_at))
      entry.make_RestoreStatus().IsRestoreInProgress(false).RestoreExpiryDate(*until);
  if (!object.checksum) return;
  entry.add_ChecksumAlgorithm(wire::name_of(object.checksum->kind));
  entry.ChecksumType(name_of(object.checksum->scope));
}

template <typename Out, typename In>
void show_page(Out& out, const In& in, std::uint32_t limit, const NameEncoding& encode) {
  out.Name(in.Bucket())
      .Prefix(encode(text(in.Prefix())))
      .MaxKeys(static_cast<std::int32_t>(limit))
      .EncodingType(in.EncodingType());
  if (in.Delimiter() && !in.Delimiter()->empty()) out.Delimiter(encode(*in.Delimiter()));
}

template <typename Out>
void show_prefixes(Out& out, const std::vector<std::string>& prefixes, const NameEncoding& encode) {
  for (const std::string& prefix : prefixes) out.add_CommonPrefixes().Prefix(encode(prefix));
}

api::Owner owner_of(Call& call, const objects::Bucket& bucket) {
  auto owner = call.output<api::Owner>();
  fill_owner(owner, bucket.account);
  return owner;
}

}  // namespace

Result<api::ListObjectsV2Output> list_objects_v2(Call& call, api::ListObjectsV2Request in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY_DO(check_encoding(in.EncodingType()));
  TRY(objects::ListQuery query, query_of(in));
  const service::PageTokens tokens(call.caller(), in);
  TRY(query.after, page_start(tokens, in.ContinuationToken()));
  if (!in.ContinuationToken()) query.after = text(in.StartAfter());
  TRY(const objects::ListPage page, objects::list(call.tx(), query));
  const Look look = look_of(call, in);
  const NameEncoding& encode = look.encode;
  call.add_header("x-amz-bucket-region", std::string(region_shown(bucket)));
  auto out = call.output<api::ListObjectsV2Output>();
  show_page(out, in, query.entries_max, encode);
  show_prefixes(out, page.common_prefixes, encode);
  for (const objects::Object& object : page.objects) {
    auto entry = out.add_Contents();
    show_object(entry, object, look);
    if (in.FetchOwner().value_or(false)) entry.Owner(owner_of(call, bucket));
  }
  out.IsTruncated(page.truncated)
      .KeyCount(static_cast<std::int32_t>(page.objects.size() + page.common_prefixes.size()))
      .ContinuationToken(in.ContinuationToken());
  if (in.StartAfter() && !in.ContinuationToken()) out.StartAfter(encode(*in.StartAfter()));
  if (page.truncated) out.NextContinuationToken(tokens.token_behind(page.next));
  return out;
}

Result<api::ListObjectsOutput> list_objects(Call& call, api::ListObjectsRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY_DO(check_encoding(in.EncodingType()));
  TRY(objects::ListQuery query, query_of(in));
  query.after = text(in.Marker());
  TRY(const objects::ListPage page, objects::list(call.tx(), query));
  const Look look = look_of(call, in);
  const NameEncoding& encode = look.encode;
  call.add_header("x-amz-bucket-region", std::string(region_shown(bucket)));
  auto out = call.output<api::ListObjectsOutput>();
  show_page(out, in, query.entries_max, encode);
  show_prefixes(out, page.common_prefixes, encode);
  for (const objects::Object& object : page.objects) {
    auto entry = out.add_Contents();
    show_object(entry, object, look);
    entry.Owner(owner_of(call, bucket));
  }
  out.IsTruncated(page.truncated).Marker(encode(text(in.Marker())));
  // Without a delimiter a client goes on from the last key it was shown.
  if (page.truncated && !query.delimiter.empty()) out.NextMarker(encode(page.next));
  return out;
}

namespace {

void show_version(Call& call, api::ListObjectVersionsOutput& out, const objects::Bucket& bucket,
                  const objects::Object& object, const Look& look) {
  const NameEncoding& encode = look.encode;
  if (object.delete_marker) {
    out.add_Records()
        .make_DeleteMarker()
        .Owner(owner_of(call, bucket))
        .Key(encode(object.key))
        .VersionId(object.version)
        .IsLatest(object.latest)
        .LastModified(shown_time(object.modified));
    return;
  }
  auto entry = out.add_Records().make_Version();
  show_object(entry, object, look);
  entry.VersionId(object.version).IsLatest(object.latest).Owner(owner_of(call, bucket));
}

Result<> check_markers(api::ListObjectVersionsRequest in) {
  if (!in.VersionIdMarker()) return {};
  const Argument argument{"version-id-marker", std::string(*in.VersionIdMarker())};
  if (!in.KeyMarker() || in.KeyMarker()->empty())
    return invalid_argument("A version-id marker cannot be specified without a key marker.",
                            argument);
  if (in.VersionIdMarker()->empty())
    return invalid_argument("A version-id marker cannot be empty.", argument);
  return {};
}

}  // namespace

Result<api::ListObjectVersionsOutput> list_object_versions(Call& call,
                                                           api::ListObjectVersionsRequest in) {
  TRY(const objects::Bucket bucket, bucket_of(call, call.tx(), in));
  TRY_DO(check_encoding(in.EncodingType()));
  TRY_DO(check_markers(in));
  TRY(const std::int32_t limit, page_size(in.MaxKeys(), "max-keys"));
  const objects::VersionQuery query{.bucket = bucket.name,
                                    .prefix = text(in.Prefix()),
                                    .delimiter = text(in.Delimiter()),
                                    .after = text(in.KeyMarker()),
                                    .after_version = text(in.VersionIdMarker()),
                                    .entries_max = static_cast<std::uint32_t>(limit)};
  TRY(const objects::VersionPage page, objects::list_versions(call.tx(), query));
  const Look look = look_of(call, in);
  const NameEncoding& encode = look.encode;
  auto out = call.output<api::ListObjectVersionsOutput>();
  show_page(out, in, query.entries_max, encode);
  show_prefixes(out, page.common_prefixes, encode);
  for (const objects::Object& object : page.versions) show_version(call, out, bucket, object, look);
  out.IsTruncated(page.truncated)
      .KeyMarker(encode(query.after))
      .VersionIdMarker(query.after_version);
  if (!page.truncated) return out;
  out.NextKeyMarker(encode(page.next_key));
  if (!page.next_version.empty()) out.NextVersionIdMarker(page.next_version);
  return out;
}

}  // namespace slipway::s3
