// How much memory an instance holds, for places that have no cgroup to limit it with.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace slipway::place {

// Limits.
inline constexpr unsigned watched_processes_max = 256;  // of one instance

// The bytes in RAM that a process and all that it started hold for themselves alone: anonymous
// pages, not what is mapped from files (/proc/PID/statm, resident less shared). What a process
// ended between two looks at /proc is not counted. 0: it has ended.
std::uint64_t memory_of_tree(pid_t pid);

}  // namespace slipway::place
