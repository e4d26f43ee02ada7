// How soon a thread that wakes gets a processor where many want one.
#pragma once

#include <chrono>

namespace slipway {

// A thread of short turns runs so long at a time while others wait.
inline constexpr std::chrono::microseconds short_turn{200};

// Asks the kernel to run the calling thread soon after it wakes, a short turn at a time. It is for
// threads that somebody waits for while instances start: two hundred of these on two cores take
// 3 ms each, one after the other, and a write met that queue at every step. The thread's share of
// the processors stays what its nice value says. Linux before 6.12 changes nothing.
void take_short_turns();

}  // namespace slipway
