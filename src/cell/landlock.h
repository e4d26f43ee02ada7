// Landlock: which files a process and all that it starts may touch, and whom they may signal.
#pragma once

#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::cell {

// The kernel's version of Landlock; 0 where it has none or it is switched off.
unsigned landlock_abi();

// A rule says what the program may do below a path.
struct LandlockRule {
  enum class Access : std::uint8_t {
    read,    // read, list and execute
    write,   // everything
    device,  // read and write what is there, and the device's own commands
  };
  std::string path;
  Access access = Access::read;
};

// Rules of everything that version `abi` can forbid; what no rule allows is forbidden, and so are,
// from version 6 on, signals and abstract sockets out of it. A path that does not exist is left
// out.
Result<Fd> make_rules(unsigned abi, std::span<const LandlockRule> rules);

// From here on this thread and what it starts keep to `rules`. It has no_new_privs set.
Result<> keep_to(const Fd& rules);

}  // namespace slipway::cell
