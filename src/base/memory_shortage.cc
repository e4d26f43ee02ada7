#include "base/memory_shortage.h"

#include <exception>

namespace slipway {

void log_memory_shortage(LogRoom room) noexcept {
  try {
    log_error(room, "memory ran out; what needed it was given up");
  } catch (const std::exception&) {
    return;  // not even for that
  }
}

}  // namespace slipway
