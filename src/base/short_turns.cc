#include "base/short_turns.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace slipway {
namespace {

// The kernel's struct sched_attr, in its first version: its header does not go with sched.h.
struct Attributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns;  // of a usual thread: the length of its turns
  std::uint64_t deadline_ns;
  std::uint64_t period_ns;
};

constexpr long calling_thread = 0;
constexpr long no_flags = 0;

}  // namespace

// A thread whose policy somebody has set from outside keeps it.
void take_short_turns() {
  Attributes now{};
  if (::syscall(SYS_sched_getattr, calling_thread, &now, sizeof now, no_flags) != 0) return;
  if (now.policy != SCHED_OTHER) return;
  now.size = sizeof now;
  now.runtime_ns = std::chrono::nanoseconds(short_turn).count();
  (void)::syscall(SYS_sched_setattr, calling_thread, &now, no_flags);
}

}  // namespace slipway
