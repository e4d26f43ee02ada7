// The directory that a process place has for itself.
#pragma once

#include <filesystem>

#include "base/fd.h"

namespace slipway::place {

// Makes the directory and locks it for as long as the descriptor is open. unavailable: it cannot be
// made or written; conflict: another process's place uses it.
Result<Fd> lock_root(const std::filesystem::path& root);

}  // namespace slipway::place
