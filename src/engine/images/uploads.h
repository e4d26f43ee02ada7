// Blobs on their way in: at once or in parts, and durable with each part.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/images/blobs.h"
#include "engine/objects/bodies.h"
#include "store/store.h"
#include "wire/auth/checksum.h"

namespace slipway::images {

// Limits.
inline constexpr std::chrono::hours upload_life{168};  // since its last part
inline constexpr std::uint64_t blob_bytes_max = 1ULL << 40;
inline constexpr std::size_t running_digests_max = 1024;

// An upload as its row has it.
struct BlobUpload {
  std::string id;
  Repository repository;
  std::int64_t body = 0;
  std::uint64_t bytes = 0;  // that arrived
  DigestKind kind = DigestKind::sha256;

  objects::StoredBody stored() const { return {body, bytes, "image upload " + id}; }
};

// One part on its way in; one thread at a time. Dropped, nothing of it stays.
class UploadPart {
 public:
  // `digest` is of all that the upload has; nullopt where nobody knows it any more.
  UploadPart(BlobUpload upload, objects::Upload bytes, std::optional<wire::Checksum> digest)
      : upload_(std::move(upload)), bytes_(std::move(bytes)), digest_(std::move(digest)) {}

  // limit_exceeded "body_too_large", unavailable where the disk is full.
  Result<> write(std::span<const std::byte> bytes);

  const BlobUpload& upload() const { return upload_; }
  std::uint64_t size() const { return bytes_.size(); }

 private:
  friend class Uploads;

  BlobUpload upload_;
  objects::Upload bytes_;
  std::optional<wire::Checksum> digest_;
};

// Begins uploads, goes on with them, and makes blobs of them. Thread-safe. What takes no
// transaction waits for the disk and the store's writer: a worker calls it.
class Uploads {
 public:
  struct Needs {
    store::Store& store;
    objects::Bodies& bodies;
    const Clock& clock;
    Random& random;
  };
  explicit Uploads(const Needs& needs) : needs_(needs) {}

  BlobUpload begin(store::Transaction& tx, const Repository& repository, DigestKind kind);
  // not_found "no_such_upload".
  static Result<BlobUpload> find(store::Transaction& tx, const Repository& repository,
                                 std::string_view id);
  void cancel(store::Transaction& tx, const BlobUpload& upload);

  // `last`: nothing follows, so that few bytes can lie in the store.
  enum class Place : std::uint8_t { last, in_between };
  UploadPart begin_part(const BlobUpload& upload, Place place, DigestKind kind);

  // What the part holds is the upload's when this returns. not_found "no_such_upload"; conflict
  // "part_overtaken" where another part came first.
  Result<BlobUpload> append(UploadPart part);
  // The same, and the upload is a blob of its repository. invalid_argument "other_digest" where the
  // bytes are others; the upload is gone then.
  Result<ImageBlob> complete(UploadPart part, const Digest& digest);

 private:
  // The digest of the first bytes of an upload.
  struct Running {
    std::uint64_t bytes;
    wire::Checksum digest;
  };

  std::optional<wire::Checksum> running(const BlobUpload& upload, DigestKind kind) const;
  void remember(const BlobUpload& upload, wire::Checksum digest);
  void forget(const std::string& id);

  Result<BlobUpload> append_sealed(store::Transaction& tx, const BlobUpload& upload,
                                   objects::SealedBody sealed);
  Result<Digest> digest_of_stored(const BlobUpload& upload, DigestKind kind);
  Result<> expect(const BlobUpload& upload, const Digest& wanted, const Digest& computed);

  const Needs needs_;
  mutable std::mutex mutex_;
  std::map<std::string, Running> running_;  // by upload; guarded by mutex_
};

}  // namespace slipway::images
