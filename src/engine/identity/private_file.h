// Small files that nobody but their owner may read.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/disk.h"
#include "base/result.h"

namespace slipway::identity {

inline constexpr std::size_t private_file_bytes_max = 4096;

// The whole file. not_found where there is none; permission_denied where it is not ours to read or
// others may read it too; corrupted where it is no plain file or too long.
Result<std::string> read_private_file(const std::filesystem::path& file);

// Makes the file, readable and writable by its owner only, whole and durable or not at all. An
// existing file is left as it is: already_exists.
Result<> create_private_file(const std::filesystem::path& file, std::string_view bytes,
                             Disk& disk = kernel_disk());

// The whole file, created of what `make` returns where it is not there. What it returns is durable,
// also where an earlier process died while it created the file: a key that a power cut can take is
// not used. Errors as of the two above, without not_found and already_exists.
Result<std::string> keep_private_file(const std::filesystem::path& file,
                                      const std::function<std::string()>& make,
                                      Disk& disk = kernel_disk());

// permission_denied where this process is root's and the folder, as far as there is one, another
// user's: whose it is could not use what root makes there. The sentence says what to do.
Result<> check_owner(const std::filesystem::path& folder);

}  // namespace slipway::identity
