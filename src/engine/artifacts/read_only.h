// Trees of files that are written once and then only read.
#pragma once

#include <filesystem>

namespace slipway::artifacts {

// Nobody writes below `tree` any more, and everybody may read it: instances run as other users.
// Links stay what they are.
void make_read_only(const std::filesystem::path& tree);

// Removes a tree, a read-only one too, as far as its owner may.
void remove_tree(const std::filesystem::path& tree);

}  // namespace slipway::artifacts
