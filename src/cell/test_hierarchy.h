// For tests: where control groups can be made here.
#pragma once

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

namespace slipway::cell {

// A hierarchy of cgroup v2 that may be written to, with whichever controllers; empty: none is here.
inline std::string real_hierarchy() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    struct statfs info{};
    if (::statfs(path, &info) == 0 &&
        static_cast<unsigned long>(info.f_type) == CGROUP2_SUPER_MAGIC && ::access(path, W_OK) == 0)
      return path;
  }
  return {};
}

}  // namespace slipway::cell
