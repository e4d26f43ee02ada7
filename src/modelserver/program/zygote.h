// The zygote: a parent with the runtimes loaded that forks instances on request. README.md says how
// it is asked.
#pragma once

#include <string>

namespace slipway::modelserver {

// Listens on `socket` and forks instances on this thread, the only one of the process (a process
// with threads must not fork and go on). Returns the exit status: 0 after SIGTERM or when standard
// input was a pipe that closed, 1 where it cannot listen.
int run_zygote(const std::string& socket);

}  // namespace slipway::modelserver
