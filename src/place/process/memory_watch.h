// How much an instance takes, for places that have no cgroup to limit it with.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace slipway::place {

// Limits.
inline constexpr unsigned watched_processes_max = 4096;  // of one instance

// Says what the processes of an instance take, and how many they are.
struct Usage {
  std::uint64_t bytes = 0;
  std::size_t processes = 0;
};

// Returns what everything that a process started takes, the process itself not counted: bytes in
// RAM held for themselves alone (anonymous pages, /proc/PID/statm, resident less shared) and, where
// that could matter, shared memory by each one's part of it; and the files in memory that they hold
// by descriptors (memfd_create) or have in a /dev/shm of their own, mapped or not. What a process
// ended between two looks at /proc is not counted.
//
// `bytes_max`: past it the look is a closer one, which takes longer.
Usage usage_below(pid_t process, std::uint64_t bytes_max);

// The processes that a process started, and those that they did, the process itself not; at most
// watched_processes_max.
std::vector<pid_t> processes_below(pid_t process);

// Ends everything that a process started, the process itself not. As nothing can leave it (it is
// the subreaper of them all), nothing is left; what starts others meanwhile is stopped first.
void end_all_below(pid_t process);

}  // namespace slipway::place
