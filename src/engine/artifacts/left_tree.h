// A tree of files that a program left which nobody trusts, once all of its processes have ended.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace slipway::artifacts {

// Makes the tree the server's own. Refuses what is neither file, folder nor link, and links that
// lead out of the tree, but for "bin/python*", which is the interpreter: invalid_argument.
Result<> take_over_tree(const std::filesystem::path& tree);

}  // namespace slipway::artifacts
