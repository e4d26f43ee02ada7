// The file tree that a cell with a mount namespace sees: the system's parts, read-only, and what it
// was given, each under its host path.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cell/order.h"

namespace slipway::cell {

// What every program sees of the system, where it exists.
std::vector<std::string> system_paths();
// Devices that every program may use, where they exist; accelerators among them.
std::vector<std::string> device_paths();

// Makes the tree and moves this process into it, as its mount namespace is new and its own. Of the
// rest of the host's tree nothing is left. "/tmp" is the order's `directory`/tmp, "/dev/shm" its
// own.
Result<> enter_own_tree(const Order& order);

}  // namespace slipway::cell
