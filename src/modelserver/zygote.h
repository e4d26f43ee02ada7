// The zygote: a parent with the runtimes loaded that forks instances on request. README.md has the
// protocol, which its clients speak.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::modelserver {

// Bytes of one request line.
inline constexpr std::size_t zygote_line_bytes_max = 1 << 20;

// What a request line asks for.
struct ZygoteRequest {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;
  std::string run_dir;
  std::string lock;
};

// invalid_argument: no such JSON object, a member is missing, or a path is not absolute.
Result<ZygoteRequest> parse_zygote_request(std::string_view line);

// Listens on `socket` and serves one connection after another on this thread, the only one of the
// process (a process with threads must not fork and go on). Returns the exit status: 0 after
// SIGTERM or when standard input was a pipe that closed, 1 where it cannot listen. In a forked
// instance it returns the instance's own exit status.
int run_zygote(const std::string& socket);

}  // namespace slipway::modelserver
