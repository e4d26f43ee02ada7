// The first process of a cell: it holds the cell's lock, reaps, hands on the wish to end, and notes
// how the program ended.
#pragma once

#include <sys/types.h>

#include "base/fd.h"

namespace slipway::cell {

// How the program ended, as the file `ended` has it: "status 3" or "signal 9".
inline constexpr const char* ended_file = "ended";

// Blocks the signals that keep() waits for; before the program's process is made.
void await_signals();
// In the program's process: everything as a new process has it.
void forget_signals();

// Runs until `program` has ended: SIGTERM, SIGINT and SIGHUP are passed on to it. Then ends what it
// left running, notes its end below `control`, and ends this process.
[[noreturn]] void keep(pid_t program, const Fd& control);

}  // namespace slipway::cell
