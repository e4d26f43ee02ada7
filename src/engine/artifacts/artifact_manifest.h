// What an artifact's directory held when it was complete: the list by which damage is told later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "base/disk.h"
#include "base/result.h"

namespace slipway::artifacts {

// What a directory is on. `opened` is a descriptor of any folder of that file system, from before
// the first byte of the directory was written, so that no failed write is missed.
struct DirectoryDisk {
  Disk& disk;
  int opened;
};

// Which files count. Python keeps what it compiled beside a source, and compares that with the
// source by itself; what it compares is a time and a size, so where nobody writes, all of it
// counts.
enum class Listed : std::uint8_t { sources, everything };

// Walks over `directory`, syncs the file system that it is on, and writes `manifest`: the path,
// kind, size, time of change and CRC-32C of every file, the target of every link. unavailable: the
// disk, or it was to stop.
Result<> seal_directory(const std::filesystem::path& directory,
                        const std::filesystem::path& manifest, Listed listed,
                        const DirectoryDisk& on, const std::stop_token& stop = {});

// How closely a directory is compared. `sizes` looks at every file and into none.
enum class Scrutiny : std::uint8_t { sizes, bytes };

// Empty where the directory is what the manifest says; else what differs, for the log. Nothing is
// known where it was to stop.
std::string difference(const std::filesystem::path& directory,
                       const std::filesystem::path& manifest, Listed listed, Scrutiny scrutiny,
                       const std::stop_token& stop = {});

}  // namespace slipway::artifacts
