// Archives from outside, unpacked into folders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "base/disk.h"
#include "base/disk_room.h"
#include "base/result.h"
#include "engine/artifacts/artifact_source.h"

namespace slipway::artifacts {

// Limits of one artifact, and the disk that it is put on.
struct ArtifactLimits {
  std::uint64_t fetched_bytes_max = 20ULL << 30;  // as stored
  // An archive may unpack to this much whatever it has (holes of files and further names of one
  // counted: all of it is read), and beyond to so many times what was read
  // of it: weights shrink to a half or a third, and what shrinks to a hundredth is no model.
  std::uint64_t unpacked_bytes_free = 1ULL << 30;
  std::uint64_t unpacked_ratio_max = 100;
  // Whose reserve of the disk is left alone; outlives the cache. None: without limit.
  const DiskRoom* room = nullptr;
  Disk* disk = &kernel_disk();  // outlives the cache
  std::uint64_t entries_max = 100'000;
  std::size_t name_bytes_max = 1024;
};

// Unpacks `archive` (tar, plain or compressed by gzip) below `into`, an empty directory. Refuses,
// and what it wrote so far is the caller's to remove: absolute paths, "..", links that point out,
// devices, more than the limits: invalid_argument or limit_exceeded, the message names the entry.
// unavailable: the disk, or it was to stop.
Result<> unpack_archive(ArtifactReader& archive, const std::filesystem::path& into,
                        const ArtifactLimits& limits, const std::stop_token& stop = {});

}  // namespace slipway::artifacts
