// A backup on the disk: a folder with the files of a data directory under their own names, and
// MANIFEST, which lists them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/objects/scrub.h"

namespace slipway::cli {

inline constexpr std::string_view database_file = "slipway.db";

// A file of a backup: a line of its list.
struct BackupFile {
  std::string path;  // below the folder
  std::uint64_t bytes = 0;
  std::string sum;  // 16 hex digits: CRC-64/NVME of its body sums (engine/objects/body_sums.h)
};

// A set lists what a backup holds.
struct BackupSet {
  std::string made;  // ISO 8601
  std::vector<BackupFile> files;
};

// Reads a file of `folder` to its end. corrupted where it is not what `stored` says.
Result<BackupFile> sum_up(const std::filesystem::path& folder, const std::string& path,
                          const objects::StoredFile& stored);
Result<BackupFile> sum_up(const std::filesystem::path& folder, const std::string& path);

// Written last and synced, with all that is in the folder: a folder without it is no backup.
Result<> write_manifest(const std::filesystem::path& folder, const BackupSet& set);
// not_found where there is none; corrupted where it is not whole.
Result<BackupSet> read_manifest(const std::filesystem::path& folder);
// corrupted: the sentence names the first file that is not as it was.
Result<> verify(const std::filesystem::path& folder, const BackupSet& set);

// A misuse where one of the folders lies in the other, or they are one, whichever names and
// symbolic links lead there. Neither need exist.
Result<> check_apart(const std::filesystem::path& data, const std::filesystem::path& backup);

// Whether two folders, which need not exist, are on one file system, or will be.
bool share_disk(const std::filesystem::path& one, const std::filesystem::path& other);

// unavailable "disk_full" where fewer than `bytes` are free on the disk of a folder, which need not
// exist; the sentence says how many are.
Result<> check_room(const std::filesystem::path& folder, std::uint64_t bytes);
// The same where it turns out on the way: what to say instead of `error`.
Error blame_disk(Error error, const std::filesystem::path& folder, std::uint64_t bytes);

// How a file of a backup comes to its place.
enum class Placing : std::uint8_t {
  link,  // a second name where the file system can, else a copy
  copy,
};
Result<> place_file(const std::filesystem::path& from, const std::filesystem::path& to,
                    Placing placing);

// Has all that is written below the folder until now on the disk.
Result<> sync_all(const std::filesystem::path& folder);

}  // namespace slipway::cli
