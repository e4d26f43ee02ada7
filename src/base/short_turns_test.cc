#include "base/short_turns.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <thread>

namespace slipway {
namespace {

// The length of the calling thread's turns, as the kernel tells it: the fourth 8 bytes of its
// struct sched_attr. 0: it does not.
std::chrono::nanoseconds turn() {
  std::array<std::uint64_t, 6> attributes{};
  if (::syscall(SYS_sched_getattr, 0L, attributes.data(), sizeof attributes, 0L) != 0) return {};
  return std::chrono::nanoseconds(attributes[3]);
}

TEST(ShortTurns, AThreadTakesThemAndKeepsItsShare) {
  std::thread([] {
    const auto thread = static_cast<id_t>(::gettid());
    ::setpriority(PRIO_PROCESS, thread, 19);
    const auto before = turn();
    take_short_turns();
    EXPECT_EQ(::getpriority(PRIO_PROCESS, thread), 19);
    if (before.count() == 0) GTEST_SKIP() << "the kernel has turns of one length";
    EXPECT_EQ(turn(), short_turn);
  }).join();
}

TEST(ShortTurns, OtherThreadsAreAsTheyWere) {
  const auto before = turn();
  std::thread([] { take_short_turns(); }).join();
  EXPECT_EQ(turn(), before);
}

}  // namespace
}  // namespace slipway
