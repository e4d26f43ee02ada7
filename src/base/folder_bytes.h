// How much lies in a folder.
#pragma once

#include <cstdint>
#include <filesystem>

namespace slipway {

// The bytes of all files below `folder`; what cannot be read counts for
// nothing. Walks the tree: not on a loop.
std::uint64_t bytes_below(const std::filesystem::path& folder);

}  // namespace slipway
