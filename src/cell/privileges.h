// Privileges are who a process is and what it may as such.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace slipway::cell {

// Whether this process may do what only root may.
bool is_privileged();

// In a new user namespace: the same user and group as outside, alone.
Result<> map_own_user(uid_t user, gid_t group);

// Gives up what a later execution could give this process and what it starts. Fails without a word
// where it may not, and then need not.
void empty_bounding_set();

// Another user and group of the same number, no other group, no capability and no way to one.
// `user` 0: stays who it is and loses the capabilities.
Result<> become(uid_t user);

}  // namespace slipway::cell
