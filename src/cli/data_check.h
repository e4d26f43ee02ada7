// Whether what a data directory holds is sound: for `slipway doctor`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::cli {

// A sentence about the database, for a person; corrupted or unavailable where it is not sound. Also
// while a server has it open.
Result<std::string> check_database(const std::filesystem::path& data);

// Reads every body of an object and compares it with its sums.
struct Scrubbed {
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t without_sums = 0;    // from before there were sums, and with no MD5 to stand in
  std::vector<std::string> damaged;  // "s3://bucket/key: damaged"
};
Result<Scrubbed> scrub_bodies(const std::filesystem::path& data);

}  // namespace slipway::cli
