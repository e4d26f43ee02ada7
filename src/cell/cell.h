// Makes a cell and starts a program in it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string_view>

#include "base/result.h"
#include "cell/order.h"
#include "cell/prepared_tree.h"

namespace slipway::cell {

// The exit status of a keeper that could not close its cell, or of a program whose keeper is gone;
// what failed the reply says.
inline constexpr int exit_status_failed = 75;

// The program's process becomes this once the cell is closed around it; its value is the exit
// status.
using CellMain = std::function<int(const Order&)>;

// Clones the keeper of a new cell and returns its process; the keeper is this process's child. The
// keeper reads `text` (an order that is whole), answers on `reply` with one line and closes it:
//   {"pid": P, "start_time": T}    the keeper's, as this machine counts processes
//   {"error": "a sentence"}        no program was started; "kind": "locked" beside it where another
//                                  keeper holds the lock
// `body`: empty: the order's program is executed. `prepared`, where it is not null and the order
// can share it: what the cell's file tree starts from; it is good for the order. unavailable: no
// process can be made.
//
// For a process with one thread. Everything that is open in it and has not been named here is
// closed in the cell.
Result<pid_t> start(std::string_view text, int reply, const CellMain& body,
                    const PreparedTree* prepared = nullptr);

// Whether a cell of such an order can start from a prepared tree.
bool shares_tree(const OrderHead& head);

}  // namespace slipway::cell
