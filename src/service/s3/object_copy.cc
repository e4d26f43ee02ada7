#include <algorithm>

#include "base/encoding.h"
#include "service/s3/acl.h"
#include "service/s3/attributes.h"
#include "service/s3/checksums.h"
#include "service/s3/conditions.h"
#include "service/s3/errors.h"
#include "service/s3/lifecycle.h"
#include "service/s3/object_lock.h"
#include "service/s3/operations.h"
#include "service/s3/restore.h"
#include "service/s3/settings.h"

namespace slipway::s3 {
namespace {

constexpr std::size_t copy_block_bytes = 1 << 20;
constexpr std::uint64_t copy_bytes_max = 5ULL << 30;
constexpr int copy_attempts_max = 4;

// Where a copy comes from, found and allowed.
struct Source {
  objects::Object object;
  bool versioned = false;
};

// A condition that failed has the name of the header that it came in.
Result<> of_source(Result<> conditions) {
  if (!conditions)
    for (auto& [name, value] : conditions.error().details)
      if (name == "Condition") value.insert(0, "x-amz-copy-source-");
  return conditions;
}

template <typename In>
Result<Source> find_source(Call& call, store::Transaction& tx, const In& in,
                           const objects::ObjectName& name) {
  // What is missing is named as the source, not as the object that the request makes.
  const Subject source{.bucket = name.bucket, .key = name.key};
  auto bucket = bucket_of(call, tx, {name.bucket, in.ExpectedSourceBucketOwner().value_or("")});
  if (!bucket) return std::unexpected(to_s3(std::move(bucket).error(), source));
  auto found = objects::find(tx, name);
  if (!found) return std::unexpected(to_s3(std::move(found).error(), source));
  TRY_DO(permit_reading(call, tx, name));
  objects::Object& object = *found;
  if (object.delete_marker)
    return refuse("InvalidRequest",
                  "The source of a copy request may not specifically refer to a delete marker by "
                  "version id.");
  TRY_DO(
      of_source(check_conditions({call.now(), in.CopySourceIfMatch(), in.CopySourceIfNoneMatch(),
                                  in.CopySourceIfModifiedSince(), in.CopySourceIfUnmodifiedSince()},
                                 object, Unmodified::precondition_failed)));
  TRY_DO(check_copyable(object, call.now()));
  return Source{std::move(object), bucket->versioning != objects::Versioning::never};
}

// Reads a content to its end, checked, block by block.
template <typename Take>
Result<> read_through(objects::Content content, Take take) {
  objects::ContentReader reader(std::move(content));
  std::vector<std::byte> block(copy_block_bytes);
  for (;;) {
    TRY(const std::size_t count, reader.read(block));
    if (count == 0) return {};
    TRY_DO(take(std::span<const std::byte>(block).first(count)));
  }
}

// The bytes once more, through the hashes.
Result<objects::SealedBody> copy_bytes(const S3Door& door, objects::Content content,
                                       objects::UploadOptions options) {
  objects::Upload upload = door.objects.begin(std::move(options));
  TRY_DO(read_through(std::move(content), [&](auto bytes) { return upload.write(bytes); }));
  return upload.seal();
}

// Of bytes that stay where they are.
Result<> digest(objects::Content content, std::span<wire::Checksum> digests) {
  return read_through(std::move(content), [&](auto bytes) -> Result<> {
    for (wire::Checksum& each : digests)
      each.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return {};
  });
}

objects::ObjectChecksum whole_checksum(const wire::Checksum& digest) {
  return {digest.algorithm(), objects::ChecksumScope::full_object, digest.base64()};
}

bool is(std::optional<std::string_view> directive, std::string_view value) {
  return directive.value_or("COPY") == value;
}

bool stays_with_copy(std::string_view property) {
  return !property.starts_with(property::sse) && !property.starts_with(property::lock) &&
         property != property::restored && property != property::redirect &&
         property != property::acl;
}

// What the copy carries: the source's own, or the request's where a directive says REPLACE. A
// redirect is the request's in any case, as that of each object is its own.
Result<objects::ObjectSettings> attributes_of_copy(api::CopyObjectRequest in,
                                                   const objects::Object& source) {
  objects::ObjectSettings attributes;
  TRY(objects::Pairs given, read_properties(in));
  if (is(in.MetadataDirective(), "REPLACE")) {
    attributes.properties = std::move(given);
  } else {
    for (const auto& property : source.properties)
      if (stays_with_copy(property.first)) attributes.properties.push_back(property);
    if (in.WebsiteRedirectLocation())
      attributes.properties.emplace_back(property::redirect, *in.WebsiteRedirectLocation());
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

// A bucket that says how its objects are encrypted has every copy encrypted anew.
Result<> check_self_copy(store::Transaction& tx, api::CopyObjectRequest in,
                         const objects::ObjectName& from) {
  const bool onto_itself = from.bucket == in.Bucket() && from.key == in.Key() && !from.version;
  const bool changes = is(in.MetadataDirective(), "REPLACE") || in.StorageClass() ||
                       in.WebsiteRedirectLocation() || in.ServerSideEncryption() ||
                       in.SSEKMSKeyId() || in.ChecksumAlgorithm();
  if (!onto_itself || changes) return {};
  if (objects::setting(tx, {from.bucket, std::string(setting::encryption)})) return {};
  return refuse("InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.");
}

constexpr std::size_t md5_hex_digits = 32;

// What of a source its copy cannot take over: a copy is written as one, so its ETag is the MD5 of
// the whole, and its checksum is one of the whole and of the kind that was asked for.
struct Unknown {
  bool etag = false;
  std::optional<ChecksumKind> checksum;

  bool any() const { return etag || checksum; }
};

Unknown unknown_of(const objects::Object& source, std::optional<ChecksumKind> wanted) {
  Unknown unknown;
  unknown.etag = source.parts > 0 || source.etag.size() != md5_hex_digits;
  const auto& has = source.checksum;
  const ChecksumKind kind = wanted.value_or(has ? has->kind : ChecksumKind::crc64nvme);
  const bool known = has && has->kind == kind && has->scope == objects::ChecksumScope::full_object;
  if (!known) unknown.checksum = kind;
  return unknown;
}

Result<> check_size(const objects::Object& source) {
  if (source.size <= copy_bytes_max) return {};
  return refuse("InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy "
                "source: 5368709120");
}

// A copy in the making. The bytes are shared, never moved; where something of the whole is not
// known, they are read once for it.
class Copy {
 public:
  Copy(const S3Door& door, Call& call, api::CopyObjectRequest in)
      : door_(door), call_(call), in_(in) {}

  Result<api::CopyObjectOutput> run() {
    TRY(from_, parse_copy_source(in_.CopySource()));
    TRY_DO(check_directives(in_));
    TRY_DO(check_reading_key(source_customer_key(in_)));
    TRY(kind_, kind_of(in_.ChecksumAlgorithm()));
    // The source may be replaced between the look at its bytes and the copy.
    for (int left = copy_attempts_max; left > 0; --left) {
      TRY_DO(look());
      TRY(const bool shared, share());
      if (shared) return answer();
    }
    return refuse("SlowDown", "The copy source was replaced again and again; please try again.");
  }

 private:
  // Finds the source, undamaged as far as can be told without reading, and what it lacks.
  Result<> look() {
    objects::Object source;
    TRY_DO(door_.store.read([&](store::Transaction& tx) -> Result<> {
      TRY_DO(check_self_copy(tx, in_, from_));
      if (auto found = bucket_of(call_, tx, in_); found && !seen_) seen_ = *std::move(found);
      TRY(const Source found, find_source(call_, tx, in_, from_));
      source = found.object;
      TRY_DO(check_size(source));
      return door_.objects.check(tx, source);
    }));
    looked_at_ = source.body;
    whole_.reset();
    const Unknown unknown = unknown_of(source, kind_);
    if (!unknown.any()) return {};
    return learn(source, unknown);
  }

  Result<> learn(const objects::Object& seen, const Unknown& unknown) {
    const auto choose = [&](store::Transaction& tx,
                            const objects::Object&) -> Result<std::optional<objects::ByteRange>> {
      TRY_DO(find_source(call_, tx, in_, from_));
      return std::nullopt;
    };
    TRY(objects::Objects::Opened opened, door_.objects.open_object(from_, choose));
    if (opened.object.body != seen.body) return {};  // share() will see it, too
    std::vector<wire::Checksum> digests;
    if (unknown.checksum) digests.emplace_back(*unknown.checksum);
    if (unknown.etag) digests.emplace_back(ChecksumKind::md5);
    TRY_DO(digest(std::move(opened.content), digests));
    whole_ = objects::WholeBody{seen.etag, seen.checksum};
    if (unknown.checksum) whole_->checksum = whole_checksum(digests.front());
    if (unknown.etag) whole_->etag = to_hex(digests.back().digest());
    return {};
  }

  // One transaction, no bytes. False where the source is another than the one looked at.
  Result<bool> share() {
    return door_.store.write([&](store::Transaction& tx) -> Result<bool> {
      TRY(const Source source, find_source(call_, tx, in_, from_));
      if (source.object.body != looked_at_) return false;
      if (!whole_ && unknown_of(source.object, kind_).any()) return false;
      TRY(objects::PutOptions options, options_for(tx, source));
      TRY(const objects::Lock lock, lock_of_new(call_, tx, in_.Bucket(), wanted_lock(in_)));
      TRY(made_,
          door_.objects.copy(tx, source.object, target(), std::move(options), std::move(whole_)));
      if (!lock.empty()) TRY_DO(objects::put_lock(tx, made_, lock));
      expiration_ = expiration_of(door_, tx, bucket_, made_);
      return true;
    });
  }

  objects::ObjectName target() const { return {std::string(in_.Bucket()), std::string(in_.Key())}; }

  Result<objects::PutOptions> options_for(store::Transaction& tx, const Source& source) {
    TRY(bucket_, bucket_of(call_, tx, in_));
    if (seen_ && !is_same(bucket_, *seen_)) return no_such_bucket(in_.Bucket());
    if (source.versioned) source_version_ = source.object.version;
    objects::PutOptions options;
    TRY(options.attributes, attributes_of_copy(in_, source.object));
    TRY_DO(
        give_list(call_, tx, bucket_, in_.Key(), wanted_acl(in_), options.attributes.properties));
    TRY(options.condition, write_condition(in_.IfMatch(), in_.IfNoneMatch()));
    options.cause = cause_of(call_);
    return options;
  }

  api::CopyObjectOutput answer() {
    auto result = call_.output<api::CopyObjectResult>();
    result.ETag(etag_header(made_.etag)).LastModified(shown_time(made_.modified));
    show_checksum(result, made_.checksum);
    auto out = call_.output<api::CopyObjectOutput>();
    out.CopyObjectResult(result).Expiration(expiration_);
    show_encryption(out);
    if (source_version_) out.CopySourceVersionId(*source_version_);
    if (bucket_.versioning != objects::Versioning::never) out.VersionId(made_.version);
    return out;
  }

  const S3Door& door_;
  Call& call_;
  const api::CopyObjectRequest in_;
  objects::ObjectName from_;
  std::optional<ChecksumKind> kind_;
  std::int64_t looked_at_ = 0;               // the source's body
  std::optional<objects::WholeBody> whole_;  // what was learnt of it
  objects::Bucket bucket_;                   // the target's
  std::optional<objects::Bucket> seen_;      // the same before the bytes were read
  std::optional<std::string> expiration_;
  std::optional<std::string> source_version_;
  objects::Object made_;
};

}  // namespace

Result<api::CopyObjectOutput> copy_object(const S3Door& door, Call& call,
                                          api::CopyObjectRequest in) {
  return Copy(door, call, in).run();
}

namespace {

// UploadPartCopy: a part that is a whole object, or a whole part of one, becomes a second name of
// its file; every other range is written anew.
class PartCopy {
 public:
  PartCopy(const S3Door& door, Call& call, api::UploadPartCopyRequest in)
      : door_(door),
        call_(call),
        in_(in),
        name_{std::string(in.Bucket()), std::string(in.Key()), std::string(in.UploadId())} {}

  Result<api::UploadPartCopyOutput> run() {
    TRY_DO(check_part_number(in_.PartNumber()));
    TRY(from_, parse_copy_source(in_.CopySource()));
    TRY_DO(check_reading_key(source_customer_key(in_)));
    TRY_DO(check_encryption({.customer = customer_key(in_)}));
    TRY(std::optional<objects::SealedBody> body, share());
    if (!body) {
      TRY(body, rewrite());
    }
    TRY(const objects::Part part, door_.store.write([&](store::Transaction& tx) {
      return door_.objects.put_part(tx, name_, static_cast<std::uint32_t>(in_.PartNumber()),
                                    *std::move(body));
    }));
    return answer(part);
  }

 private:
  // What of the source is wanted; refuses what may not be copied.
  Result<objects::ByteRange> choose(store::Transaction& tx) {
    TRY_DO(bucket_of(call_, tx, in_));
    TRY(const objects::Multipart upload, objects::find_multipart(tx, name_));
    kind_ = upload.checksum_kind;
    TRY(source_, find_source(call_, tx, in_, from_));
    if (!in_.CopySourceRange()) return objects::ByteRange{0, source_.object.size};
    return parse_copy_range(*in_.CopySourceRange(), source_.object.size);
  }

  Result<objects::Objects::Opened> open() {
    return door_.objects.open_object(
        from_,
        [&](store::Transaction& tx,
            const objects::Object&) -> Result<std::optional<objects::ByteRange>> {
          TRY(const objects::ByteRange range, choose(tx));
          return range;
        });
  }

  ChecksumKind kept_kind() const { return kind_.value_or(ChecksumKind::crc64nvme); }

  bool has_checksum(const objects::SealedBody& body) const {
    return std::ranges::any_of(body.checksums, [this](const objects::ObjectChecksum& each) {
      return each.kind == kept_kind();
    });
  }

  Result<std::optional<objects::SealedBody>> share() {
    TRY(auto body,
        door_.store.read([&](store::Transaction& tx) -> Result<std::optional<objects::SealedBody>> {
          TRY(const objects::ByteRange range, choose(tx));
          return door_.objects.share_part(tx, source_.object, range);
        }));
    if (!body || has_checksum(*body)) return body;
    const std::int64_t shared = source_.object.body;
    TRY(objects::Objects::Opened opened, open());
    if (source_.object.body != shared) return std::nullopt;  // it was replaced meanwhile
    wire::Checksum checksum(kept_kind());
    TRY_DO(digest(std::move(opened.content), std::span(&checksum, 1)));
    body->checksums.push_back(whole_checksum(checksum));
    return body;
  }

  Result<objects::SealedBody> rewrite() {
    TRY(objects::Objects::Opened opened, open());
    return copy_bytes(
        door_, std::move(opened.content),
        {.checksums = {kept_kind()}, .placement = objects::UploadOptions::Placement::file});
  }

  api::UploadPartCopyOutput answer(const objects::Part& part) {
    auto result = call_.output<api::CopyPartResult>();
    result.ETag(etag_header(part.etag)).LastModified(part.modified);
    if (kind_) show_checksum(result, part.checksum);
    auto out = call_.output<api::UploadPartCopyOutput>();
    out.CopyPartResult(result);
    show_encryption(out);
    if (source_.versioned) out.CopySourceVersionId(source_.object.version);
    return out;
  }

  const S3Door& door_;
  Call& call_;
  const api::UploadPartCopyRequest in_;
  const objects::MultipartName name_;
  objects::ObjectName from_;
  Source source_;
  std::optional<ChecksumKind> kind_;
};

}  // namespace

Result<api::UploadPartCopyOutput> upload_part_copy(const S3Door& door, Call& call,
                                                   api::UploadPartCopyRequest in) {
  return PartCopy(door, call, in).run();
}

}  // namespace slipway::s3
