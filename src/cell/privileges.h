// Who a process is and what it may as such.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace slipway::cell {

// Whether this process may do what only root may.
bool is_privileged();

// In a new user namespace: the same user and group as outside, alone.
Result<> map_own_user(uid_t user, gid_t group);

// Another user and group of the same number, no other group, no capability and no way to one.
// `user` 0: stays who it is and loses the capabilities.
Result<> become(uid_t user);

}  // namespace slipway::cell
