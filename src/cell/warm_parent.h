// A process that has done what takes long and forks programs that go on from there, each in a cell.
#pragma once

#include <string>

#include "base/result.h"
#include "cell/cell.h"

namespace slipway::cell {

// Listens on the unix stream socket `socket` (an old file there is replaced), mode 0600, says
// "ready" on standard output, and makes a cell for each order that comes, one on each connection;
// its keeper answers there (cell.h). Only the process that started this one is listened to: others
// of the same user, instances too, may reach the socket.
//
// An order is read into memory that is given back before the next one comes, so that no instance
// finds another's environment in what it inherits.
//
// Returns at SIGTERM and SIGINT, and where standard input is a pipe or a socket, when that is
// closed: the starter keeps the other end, so that this process never outlives it. What it forked
// lives on. unavailable: it cannot listen. For a process with one thread.
Result<> serve_orders(const std::string& socket, const CellMain& body);

}  // namespace slipway::cell
