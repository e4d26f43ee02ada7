// A tree of files that a program left which nobody trusts, once all of its processes have ended.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace slipway::artifacts {

// What its files may have together, each as often as it has a name and as large as it says that it
// is: whoever takes a tree over reads all of it, holes and further names of one file too.
inline constexpr std::uint64_t left_tree_bytes_max = 16ULL << 30;

// Makes the tree the server's own. Refuses what is neither file, folder nor link, and links that
// lead out of the tree, but for "bin/python*", which is the interpreter: invalid_argument.
// limit_exceeded: its files have more than `left_tree_bytes_max`.
Result<> take_over_tree(const std::filesystem::path& tree);

}  // namespace slipway::artifacts
