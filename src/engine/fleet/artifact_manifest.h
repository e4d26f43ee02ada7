// What an artifact's directory held when it was complete: the list by which damage is told later.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace slipway::fleet {

// Walks over `directory`, syncs what it finds to the disk, and writes `manifest`: the path, kind,
// size, time of change and CRC-32C of every file, the target of every link. unavailable: the disk.
Result<> seal_directory(const std::filesystem::path& directory,
                        const std::filesystem::path& manifest);

// How closely a directory is compared. `sizes` looks at every file and into none.
enum class Scrutiny : std::uint8_t { sizes, bytes };

// Empty where the directory is what the manifest says; else what differs, for the log.
std::string difference(const std::filesystem::path& directory,
                       const std::filesystem::path& manifest, Scrutiny scrutiny);

}  // namespace slipway::fleet
