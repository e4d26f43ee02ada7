// An allocation that fails ends the act that needed it, and the process goes on.
#pragma once

#include <new>

#include "base/log.h"

namespace slipway {

// One line in the log, where there is memory for it.
void log_memory_shortage(LogRoom room) noexcept;

// Runs `act` to its end, or to the allocation in it that fails: false then, and the log says so.
// Stands where one request's work begins, so that what is unwound is that request's alone.
template <typename Act>
bool survive_memory_shortage(LogRoom room, Act&& act) {
  try {
    act();
    return true;
  } catch (const std::bad_alloc&) {
    log_memory_shortage(room);
    return false;
  }
}

}  // namespace slipway
