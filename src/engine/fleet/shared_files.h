// Files that sealed folders have alike, as one file on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <vector>

namespace slipway::fleet {

// Smaller ones share nothing that is worth a look.
inline constexpr std::uint64_t shared_file_bytes_min = 4096;

// Puts a hard link in place of each file of `draft` that one of `sealed` has under the same name
// with the same bytes; where that fails, the file stays as it is. Sources of Python and what is
// compiled of them stay too: the one notes the time of the other. Returns the bytes that are on
// the disk once less. `sealed` are folders that nobody writes to.
std::uint64_t share_files(const std::filesystem::path& draft,
                          const std::vector<std::filesystem::path>& sealed,
                          const std::stop_token& stop);

}  // namespace slipway::fleet
