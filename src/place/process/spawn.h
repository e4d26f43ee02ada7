// Starts one of our own programs: a warmed parent, or slipway-cell, which starts an instance.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::place {

// A program to start as a child.
struct SpawnRequest {
  std::vector<std::string> argv;  // argv[0]: an absolute path
  std::map<std::string, std::string> environment;
  std::string directory;             // its working directory
  std::string log_file;              // standard error, appended; empty: /dev/null
  int standard_input = -1;           // -1: /dev/null
  int standard_output = -1;          // -1: as log_file says
  std::uint64_t open_files_max = 0;  // RLIMIT_NOFILE; 0: as it is
};

// Starts it as the leader of a session of its own, with default signal handling and no descriptor
// but 0, 1 and 2; returns its pid once the program runs. The caller reaps it. unavailable: it could
// not be started, the message says what and why; no child is left.
Result<pid_t> spawn(const SpawnRequest& request);

}  // namespace slipway::place
