#include "service/s3/attributes.h"
#include "service/s3/checksums.h"
#include "service/s3/conditions.h"
#include "service/s3/operations.h"

namespace slipway::s3 {
namespace {

constexpr std::size_t copy_block_bytes = 1 << 20;
constexpr std::uint64_t copy_bytes_max = 5ULL << 30;

// Where a copy comes from, found and allowed.
struct Source {
  objects::Object object;
  bool versioned = false;
};

template <typename In>
Result<Source> find_source(const Call& call, store::Transaction& tx, const In& in,
                           const objects::ObjectName& name) {
  TRY(const objects::Bucket bucket,
      bucket_of(call, tx, {name.bucket, in.ExpectedSourceBucketOwner().value_or("")}));
  TRY(objects::Object object, objects::find(tx, name));
  if (object.delete_marker)
    return refuse("InvalidRequest",
                  "The source of a copy request may not specifically refer to a delete marker by "
                  "version id.");
  TRY_DO(check_conditions({in.CopySourceIfMatch(), in.CopySourceIfNoneMatch(),
                           in.CopySourceIfModifiedSince(), in.CopySourceIfUnmodifiedSince()},
                          object, Unmodified::precondition_failed));
  return Source{std::move(object), bucket.versioning != objects::Versioning::never};
}

// The bytes once more, through the hashes.
Result<objects::SealedBody> copy_bytes(const Door& door, objects::Content content,
                                       objects::UploadOptions options) {
  objects::Upload upload = door.objects.begin(std::move(options));
  objects::ContentReader reader(std::move(content));
  std::vector<std::byte> block(copy_block_bytes);
  for (;;) {
    TRY(const std::size_t count, reader.read(block));
    if (count == 0) break;
    TRY_DO(upload.write(std::span(block).first(count)));
  }
  return upload.seal();
}

bool is(std::optional<std::string_view> directive, std::string_view value) {
  return directive.value_or("COPY") == value;
}

// What the copy carries: the source's own, or the request's where a directive says REPLACE.
Result<objects::Attributes> attributes_of_copy(api::CopyObjectRequest in,
                                               const objects::Object& source) {
  objects::Attributes attributes;
  if (is(in.MetadataDirective(), "REPLACE")) {
    TRY(attributes.properties, read_properties(in));
  } else {
    TRY_DO(refuse_customer_keys(in));
    for (const auto& property : source.properties)
      if (!property.first.starts_with(property::sse)) attributes.properties.push_back(property);
    read_encryption(in, attributes.properties);
  }
  TRY(attributes.storage_class, storage_class(in.StorageClass()));
  attributes.tags = source.tags;
  if (is(in.TaggingDirective(), "REPLACE")) {
    TRY(attributes.tags, parse_tagging(in.Tagging().value_or("")));
  }
  return attributes;
}

Result<> check_directives(api::CopyObjectRequest in) {
  for (const auto& [directive, name] :
       {std::pair(in.MetadataDirective(), "metadata"), std::pair(in.TaggingDirective(), "tagging")})
    if (!is(directive, "COPY") && !is(directive, "REPLACE"))
      return invalid_argument(fmt::format("Unknown {} directive.", name),
                              {fmt::format("x-amz-{}-directive", name), std::string(*directive)});
  return {};
}

Result<> check_self_copy(api::CopyObjectRequest in, const objects::ObjectName& from) {
  const bool onto_itself = from.bucket == in.Bucket() && from.key == in.Key() && !from.version;
  const bool changes = is(in.MetadataDirective(), "REPLACE") || in.StorageClass() ||
                       in.WebsiteRedirectLocation() || in.ServerSideEncryption() ||
                       in.SSEKMSKeyId() || in.ChecksumAlgorithm();
  if (!onto_itself || changes) return {};
  return refuse("InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.");
}

// Whether the bytes can be shared: an ETag of parts must become one of the whole, another checksum
// must be computed.
bool shareable(const objects::Object& source, std::optional<ChecksumKind> wanted) {
  if (source.parts > 0 || !source.checksum) return false;
  return !wanted || source.checksum->kind == *wanted;
}

// A copy in the making.
class Copy {
 public:
  Copy(const Door& door, Call& call, api::CopyObjectRequest in)
      : door_(door), call_(call), in_(in) {}

  Result<api::CopyObjectOutput> run() {
    TRY(from_, parse_copy_source(in_.CopySource()));
    TRY_DO(check_directives(in_));
    TRY_DO(check_self_copy(in_, from_));
    TRY(kind_, kind_of(in_.ChecksumAlgorithm()));
    TRY(const bool shared, share());
    if (!shared) TRY_DO(rewrite());
    return answer();
  }

 private:
  // One transaction, no bytes. False where they have to be read.
  Result<bool> share() {
    return door_.store.write([&](store::Transaction& tx) -> Result<bool> {
      TRY(const Source source, find_source(call_, tx, in_, from_));
      if (!shareable(source.object, kind_)) return false;
      TRY(objects::PutOptions options, options_for(tx, source));
      TRY(made_, door_.objects.copy(tx, source.object, target(), std::move(options)));
      return true;
    });
  }

  Result<> rewrite() {
    Source source;
    const auto choose = [&](store::Transaction& tx,
                            const objects::Object&) -> Result<std::optional<objects::ByteRange>> {
      TRY(source, find_source(call_, tx, in_, from_));
      if (source.object.size > copy_bytes_max)
        return refuse("InvalidRequest",
                      "The specified copy source is larger than the maximum allowable size for a "
                      "copy source: 5368709120");
      return std::nullopt;
    };
    TRY(objects::Objects::Opened opened, door_.objects.open_object(from_, choose));
    const auto& old = opened.object.checksum;
    const ChecksumKind kind = kind_.value_or(old ? old->kind : ChecksumKind::crc64nvme);
    TRY(objects::SealedBody body,
        copy_bytes(door_, std::move(opened.content), {.checksums = {kind}}));
    return door_.store.write([&](store::Transaction& tx) -> Result<> {
      TRY(objects::PutOptions options, options_for(tx, source));
      options.checksum = body.checksums.front();
      TRY(made_, door_.objects.put(tx, target(), std::move(body), std::move(options)));
      return {};
    });
  }

  objects::ObjectName target() const { return {std::string(in_.Bucket()), std::string(in_.Key())}; }

  Result<objects::PutOptions> options_for(store::Transaction& tx, const Source& source) {
    TRY(const objects::Bucket bucket, bucket_of(call_, tx, in_));
    versioning_ = bucket.versioning;
    if (source.versioned) source_version_ = source.object.version;
    objects::PutOptions options;
    TRY(options.attributes, attributes_of_copy(in_, source.object));
    add_default_encryption(tx, bucket.name, options.attributes.properties);
    TRY(options.condition, write_condition(in_.IfMatch(), in_.IfNoneMatch()));
    return options;
  }

  api::CopyObjectOutput answer() {
    auto result = call_.output<api::CopyObjectResult>();
    result.ETag(etag_header(made_.etag)).LastModified(made_.modified);
    show_checksum(result, made_.checksum);
    auto out = call_.output<api::CopyObjectOutput>();
    out.CopyObjectResult(result);
    show_encryption(out, made_.properties);
    if (source_version_) out.CopySourceVersionId(*source_version_);
    if (versioning_ == objects::Versioning::enabled) out.VersionId(made_.version);
    return out;
  }

  const Door& door_;
  Call& call_;
  const api::CopyObjectRequest in_;
  objects::ObjectName from_;
  std::optional<ChecksumKind> kind_;
  objects::Versioning versioning_ = objects::Versioning::never;
  std::optional<std::string> source_version_;
  objects::Object made_;
};

}  // namespace

Result<api::CopyObjectOutput> copy_object(const Door& door, Call& call, api::CopyObjectRequest in) {
  return Copy(door, call, in).run();
}

Result<api::UploadPartCopyOutput> upload_part_copy(const Door& door, Call& call,
                                                   api::UploadPartCopyRequest in) {
  TRY(const objects::ObjectName from, parse_copy_source(in.CopySource()));
  const objects::MultipartName name{std::string(in.Bucket()), std::string(in.Key()),
                                    std::string(in.UploadId())};
  Source source;
  std::optional<ChecksumKind> kind;
  const auto choose =
      [&](store::Transaction& tx,
          const objects::Object& object) -> Result<std::optional<objects::ByteRange>> {
    TRY_DO(bucket_of(call, tx, in));
    TRY(const objects::Multipart upload, objects::find_multipart(tx, name));
    kind = upload.checksum_kind;
    TRY(source, find_source(call, tx, in, from));
    if (!in.CopySourceRange()) return std::nullopt;
    TRY(const objects::ByteRange range, parse_copy_range(*in.CopySourceRange(), object.size));
    return range;
  };
  TRY(objects::Objects::Opened opened, door.objects.open_object(from, choose));
  TRY(objects::SealedBody body, copy_bytes(door, std::move(opened.content),
                                           {.checksums = {kind.value_or(ChecksumKind::crc64nvme)},
                                            .placement = objects::UploadOptions::Placement::file}));
  TRY(const objects::Part part, door.store.write([&](store::Transaction& tx) {
    return door.objects.put_part(tx, name, static_cast<std::uint32_t>(in.PartNumber()),
                                 std::move(body));
  }));
  auto result = call.output<api::CopyPartResult>();
  result.ETag(etag_header(part.etag)).LastModified(part.modified);
  if (kind) show_checksum(result, part.checksum);
  auto out = call.output<api::UploadPartCopyOutput>();
  out.CopyPartResult(result).ServerSideEncryption("AES256");
  if (source.versioned) out.CopySourceVersionId(source.object.version);
  return out;
}

}  // namespace slipway::s3
