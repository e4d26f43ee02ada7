// The filter of system calls: what no program in a cell has a use for and what leads out of it.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"

namespace slipway::cell {

// Says what the other layers leave to the filter.
struct FilterNeeds {
  // Processes outside are seen and belong to the same user: limits, priorities and processors of
  // other processes are refused.
  bool same_user_outside = false;
  // They may be signalled too: signals to these and to "everybody" are refused.
  std::vector<pid_t> unsignalled = {};
};

// Whether the kernel takes filters, for programs of this machine's own architecture.
bool can_filter();

// From here on, for this thread and what it starts. It has no_new_privs set. Refused calls answer
// EPERM; clone3, whose flags lie in memory, answers ENOSYS, upon which callers take clone.
Result<> filter_system_calls(const FilterNeeds& needs);

}  // namespace slipway::cell
