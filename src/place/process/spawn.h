// Starts a program of this host the way the process place wants it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::place {

// The exit status of a child that found its lock held by another.
inline constexpr int exit_status_locked = 75;

struct SpawnRequest {
  std::vector<std::string> argv;  // argv[0]: an absolute path
  std::map<std::string, std::string> environment;
  std::string directory;             // its working directory
  std::string lock_file;             // empty: none. Held (flock) on descriptor 3 for life
  std::string pid_file;              // empty: none. "PID STARTTIME\n"
  std::string log_file;              // standard output and error, appended; empty: /dev/null
  int standard_input = -1;           // -1: /dev/null
  int standard_output = -1;          // -1: as log_file says
  std::uint64_t open_files_max = 0;  // RLIMIT_NOFILE; 0: as it is
};

// Starts it as the leader of a session of its own, with default signal handling and no descriptor
// but 0, 1, 2 and the lock; returns its pid once the program runs. The caller reaps it.
// unavailable: it could not be started, the message says what and why; no child is left.
Result<pid_t> spawn(const SpawnRequest& request);

}  // namespace slipway::place
