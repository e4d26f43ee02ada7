// The system's part of the file trees of many cells, made once: a mount namespace that is copied
// instead of built anew.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "cell/system_parts.h"

namespace slipway::cell {

// Cells that start from one share its skeleton. Each sees it read-only and lays file systems of its
// own upon it; of those, the first names of paths that it was given ("/srv") stay there for the
// others to see, as empty folders. For a process that is privileged.
class PreparedTree {
 public:
  // unavailable: it cannot be made here, and each cell makes its own. `kept_free` as in an order.
  // Covers the working directory, in the tree's namespace alone.
  static Result<PreparedTree> make(const std::string& kept_free);

  const SystemParts& parts() const { return parts_; }
  // The namespace; to be kept open until enter().
  const Fd& space() const { return space_; }
  // Whether it is what would be made now: for the same order, on a machine that did not change.
  bool is_good_for(const std::string& kept_free) const;
  // Moves this process into a copy that is its own.
  Result<> enter() const;

 private:
  PreparedTree() = default;

  std::string kept_free_;
  std::string stamp_;  // of the folders that the parts are found in
  Fd mounts_;          // the kernel tells here that mounts of the machine changed
  SystemParts parts_;
  Fd space_;
};

}  // namespace slipway::cell
