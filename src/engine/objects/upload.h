// Takes the bytes of one object or part: to memory while they are few, to a file beyond that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/objects/body_writer.h"
#include "engine/objects/types.h"

namespace slipway::objects {

class BodyRemovals;

// Bodies up to this size are kept in the store, where a group commit covers many of them.
inline constexpr std::size_t inline_bytes_max = 16 * 1024;

// A file of bodies that no row names yet; removed when dropped, unless kept.
class FileClaim {
 public:
  FileClaim(BodyRemovals& removals, std::string name)
      : removals_(&removals), name_(std::move(name)) {}
  FileClaim(FileClaim&& other) noexcept;
  FileClaim& operator=(FileClaim&&) = delete;
  ~FileClaim();

  const std::string& name() const { return name_; }
  void keep() { removals_ = nullptr; }

 private:
  BodyRemovals* removals_;
  std::string name_;
};

// Bytes that are complete and, where they are a file, on the disk. Not yet an object: hand it to
// Objects::put or put_part. Dropped, nothing stays.
struct SealedBody {
  std::uint64_t size = 0;
  std::string etag;  // see UploadOptions::Etag
  std::vector<ObjectChecksum> checksums;
  std::string bytes;  // where no file
  std::string sums;   // body_sums.h
  std::unique_ptr<FileClaim> file;
};

// With Etag::md5_or_crc, bodies up to this size have their MD5 for a tag.
inline constexpr std::uint64_t etag_md5_max = 8ULL << 20;

// What Upload computes, where it writes and how much it takes.
struct UploadOptions {
  std::vector<ChecksumKind> checksums = {};
  std::uint64_t bytes_max = 5ULL << 30;
  // Parts of an upload are files however small they are.
  enum class Placement : std::uint8_t { by_size, file };
  Placement placement = Placement::by_size;
  // The tag: always the hex MD5, as S3's clients expect of a PUT; or, for what the server makes
  // itself, beyond etag_md5_max what costs next to nothing: hex CRC64-NVME and size, then "-1"; or
  // none, for bytes that are known by another digest.
  enum class Etag : std::uint8_t { md5, md5_or_crc, none };
  Etag etag = Etag::md5;
  Caching caching = Caching::keep;
};

// One body on its way in. write() and seal() come from one thread at a time, any thread; beyond
// some size a helper thread, one of at most hashing_threads_max, computes the MD5 while the caller
// writes on. Memory is bounded (pipeline_buffers_max buffers of 1 MiB) whatever the size. Dropped
// before seal(), nothing stays.
class Upload {
 public:
  Upload(BodyRemovals& removals, UploadOptions options);
  Upload(Upload&&) noexcept;
  Upload& operator=(Upload&&) noexcept;
  ~Upload();

  // limit_exceeded beyond bytes_max, unavailable where the disk is full. After an error only
  // destruction is left.
  Result<> write(std::span<const std::byte> bytes);

  std::uint64_t size() const;

  // Waits until the bytes are on the disk. Called once.
  Result<SealedBody> seal();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::objects
