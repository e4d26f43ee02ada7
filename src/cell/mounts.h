// The file tree that a cell with a mount namespace sees: the system's parts, read-only, and what it
// was given, each under its host path.
#pragma once

#include <string>

#include "base/result.h"
#include "cell/order.h"
#include "cell/prepared_tree.h"
#include "cell/system_parts.h"

namespace slipway::cell {

// Moves this process into a new tree that has the system's parts alone. Its mount namespace is new
// and its own; `over` is an absolute path of a folder, which the new tree covers. Of the old one
// nothing is left.
Result<> enter_system_tree(const SystemParts& parts, const std::string& over);

// Makes the cell's tree and moves this process into it: by a copy of `prepared`, or where that is
// null, as its mount namespace is new and its own. `parts`: the prepared one's, or found now. Of
// the rest of the host's tree nothing is left. "/tmp" is the order's `directory`/tmp, `kept_free`
// is `directory`/kept, "/dev/shm" its own.
Result<> enter_own_tree(const Order& order, const SystemParts& parts, const PreparedTree* prepared);

}  // namespace slipway::cell
