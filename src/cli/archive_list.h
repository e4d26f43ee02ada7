// A list holds what lies inside a model.tar.gz, so far as it is needed to tell what serves it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::cli {

// Of an entry that is longer, the begin is kept.
inline constexpr std::size_t entry_bytes_max = 64 << 20;
inline constexpr std::size_t listed_bytes_max = 256 << 20;

// One file of an archive.
struct ArchiveEntry {
  std::string name;     // without "./" before it
  std::string content;  // at most entry_bytes_max, and listed_bytes_max of all together
};

// The files of an archive, in its order. invalid_argument: it is no archive, or a damaged one.
Result<std::vector<ArchiveEntry>> list_archive(const std::filesystem::path& path);

}  // namespace slipway::cli
