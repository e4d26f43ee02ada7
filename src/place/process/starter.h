// Has instances started in cells: by slipway-cell, or by the warmed parent where it takes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cell/order.h"
#include "place/process/run_directory.h"

namespace slipway::place {

// How long a cell may take to close; what cannot is told at once.
inline constexpr int cell_answer_seconds_max = 30;

// Sends an order to `socket`; false: there is nobody, or nobody reads.
bool send_order(int socket, std::string_view order);
// Reads what has come by now of the answer to it, from a socket that blocks nobody; `so_far` is
// what came before. Nothing: it is not whole yet. The outcome is as ask_for_cell() says it.
std::optional<Result<ProcessId>> read_cell_answer(int socket, std::string& so_far);
// That nobody answered: unavailable of kind "silent".
std::unexpected<Error> no_cell_answer();

// Sends an order to `socket` and reads the answer there: the keeper of the new cell. unavailable:
// none was made, the message says why; kind "locked": the directory's instance runs already; kind
// "silent": there was no answer.
Result<ProcessId> ask_for_cell(int socket, std::string_view order);

// By `program`, which is slipway-cell.
Result<ProcessId> start_in_cell(const std::string& program, const cell::Order& order);

}  // namespace slipway::place
