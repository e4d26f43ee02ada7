#include "engine/images/uploads.h"

#include <fmt/format.h>

#include <vector>

namespace slipway::images {
namespace {

constexpr std::size_t read_bytes = 1 << 20;

std::unexpected<Error> no_such_upload(std::string_view id) {
  return fail(ErrorCode::not_found, fmt::format("there is no upload '{}'", id), "no_such_upload");
}

}  // namespace

Result<> UploadPart::write(std::span<const std::byte> bytes) {
  if (digest_) digest_->update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return bytes_.write(bytes);
}

BlobUpload Uploads::begin(store::Transaction& tx, const Repository& repository, DigestKind kind) {
  BlobUpload upload{.id = make_uuid(needs_.random),
                    .repository = repository,
                    .body = needs_.bodies.create(tx),
                    .kind = kind};
  tx.run("INSERT INTO images_upload(id,repository,body,size,kind,used) VALUES(?1,?2,?3,0,?4,?5)",
         upload.id, repository.id, upload.body, kind, to_microseconds(needs_.clock.server_time()));
  return upload;
}

Result<BlobUpload> Uploads::find(store::Transaction& tx, const Repository& repository,
                                 std::string_view id) {
  auto rows = tx.query("SELECT body,size,kind FROM images_upload WHERE id=?1 AND repository=?2", id,
                       repository.id);
  if (!rows.next()) return no_such_upload(id);
  return BlobUpload{.id = std::string(id),
                    .repository = repository,
                    .body = rows.integer(0),
                    .bytes = static_cast<std::uint64_t>(rows.integer(1)),
                    .kind = static_cast<DigestKind>(rows.integer(2))};
}

void Uploads::cancel(store::Transaction& tx, const BlobUpload& upload) {
  if (tx.run("DELETE FROM images_upload WHERE id=?1", upload.id) == 0) return;
  needs_.bodies.release(tx, upload.body);
  tx.on_commit([this, id = upload.id] { forget(id); });
}

UploadPart Uploads::begin_part(const BlobUpload& upload, Place place, DigestKind kind) {
  using Placement = objects::UploadOptions::Placement;
  // Bytes in the store and bytes in files do not make one body together.
  const bool alone = place == Place::last && upload.bytes == 0;
  return {upload,
          needs_.bodies.begin({.bytes_max = blob_bytes_max - upload.bytes,
                               .placement = alone ? Placement::by_size : Placement::file,
                               .etag = objects::UploadOptions::Etag::none}),
          running(upload, kind)};
}

std::optional<wire::Checksum> Uploads::running(const BlobUpload& upload, DigestKind kind) const {
  if (upload.bytes == 0) return wire::Checksum(kind);
  const std::scoped_lock lock(mutex_);
  const auto found = running_.find(upload.id);
  if (found == running_.end() || found->second.bytes != upload.bytes ||
      found->second.digest.algorithm() != kind)
    return std::nullopt;
  return found->second.digest;
}

// Any of them may be forgotten: what is not remembered is read again.
void Uploads::remember(const BlobUpload& upload, wire::Checksum digest) {
  const std::scoped_lock lock(mutex_);
  if (running_.size() >= running_digests_max && !running_.contains(upload.id))
    running_.erase(running_.begin());
  running_.insert_or_assign(upload.id, Running{upload.bytes, std::move(digest)});
}

void Uploads::forget(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  running_.erase(id);
}

Result<BlobUpload> Uploads::append_sealed(store::Transaction& tx, const BlobUpload& upload,
                                          objects::SealedBody sealed) {
  TRY(BlobUpload now, find(tx, upload.repository, upload.id));
  if (now.bytes != upload.bytes)
    return fail(ErrorCode::conflict,
                fmt::format("another part of upload '{}' came first", upload.id), "part_overtaken");
  const std::uint64_t bytes = sealed.size;
  needs_.bodies.append(tx, now.stored(), std::move(sealed));
  now.bytes += bytes;
  tx.run("UPDATE images_upload SET size=?2,used=?3 WHERE id=?1", now.id, now.bytes,
         to_microseconds(needs_.clock.server_time()));
  return now;
}

Result<BlobUpload> Uploads::append(UploadPart part) {
  TRY(objects::SealedBody sealed, part.bytes_.seal());
  TRY(BlobUpload now, needs_.store.write([&](store::Transaction& tx) -> Result<BlobUpload> {
    return append_sealed(tx, part.upload_, std::move(sealed));
  }));
  if (part.digest_) remember(now, *std::move(part.digest_));
  return now;
}

Result<Digest> Uploads::digest_of_stored(const BlobUpload& upload, DigestKind kind) {
  TRY(objects::Content content,
      needs_.store.read([&](store::Transaction& tx) -> Result<objects::Content> {
        return needs_.bodies.content(tx, upload.stored());
      }));
  objects::ContentReader reader(std::move(content));
  wire::Checksum digest(kind);
  std::vector<std::byte> block(read_bytes);
  for (;;) {
    TRY(const std::size_t count, reader.read(block));
    if (count == 0) return Digest::of(digest);
    digest.update({reinterpret_cast<const char*>(block.data()), count});
  }
}

Result<> Uploads::expect(const BlobUpload& upload, const Digest& wanted, const Digest& computed) {
  if (wanted == computed) return {};
  TRY_DO(needs_.store.write([&](store::Transaction& tx) -> Result<> {
    cancel(tx, upload);
    return {};
  }));
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("The bytes have the digest {} and not {}.", computed.text(), wanted.text()),
      "other_digest");
}

Result<ImageBlob> Uploads::complete(UploadPart part, const Digest& digest) {
  TRY(objects::SealedBody sealed, part.bytes_.seal());
  BlobUpload upload = part.upload_;
  if (part.digest_ && part.digest_->algorithm() == digest.kind()) {
    TRY_DO(expect(upload, digest, Digest::of(*part.digest_)));
  } else {
    TRY(upload, needs_.store.write([&](store::Transaction& tx) -> Result<BlobUpload> {
      return append_sealed(tx, upload, std::exchange(sealed, {}));
    }));
    TRY(const Digest computed, digest_of_stored(upload, digest.kind()));
    TRY_DO(expect(upload, digest, computed));
  }
  return needs_.store.write([&](store::Transaction& tx) -> Result<ImageBlob> {
    TRY(const BlobUpload whole, append_sealed(tx, upload, std::move(sealed)));
    tx.run("DELETE FROM images_upload WHERE id=?1", whole.id);
    tx.on_commit([this, id = whole.id] { forget(id); });
    return put_blob(tx, needs_.bodies, whole.repository, digest, whole.stored(),
                    needs_.clock.server_time());
  });
}

}  // namespace slipway::images
