#include "engine/deadlines.h"

#include <gtest/gtest.h>

#include <semaphore>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

TEST(Deadlines, are_looked_at_until_nobody_waits_and_again_when_somebody_does) {
  net::Loop loop;
  Deadlines deadlines(loop);
  std::vector<std::size_t> looks;
  const auto three_looks = deadlines.watch([&, left = 3]() mutable -> std::size_t {
    looks.push_back(--left);
    return left;
  });
  const auto last_look = deadlines.watch([&]() -> std::size_t {
    loop.stop();
    return 0;
  });
  three_looks();
  loop.after(10 * expire_period, [&] {
    EXPECT_EQ(looks, (std::vector<std::size_t>{2, 1, 0}));
    last_look();
  });
  loop.run();
  EXPECT_EQ(looks.size(), 3U);
}

TEST(Deadlines, of_two_kinds_each_is_looked_at_for_as_long_as_it_needs) {
  net::Loop loop;
  Deadlines deadlines(loop);
  int short_looks = 0;
  int long_looks = 0;
  deadlines.watch([&]() -> std::size_t { return ++short_looks < 1; })();
  deadlines.watch([&]() -> std::size_t {
    if (++long_looks == 3) loop.stop();
    return long_looks < 3;
  })();
  loop.run();
  EXPECT_EQ(short_looks, 1);
  EXPECT_EQ(long_looks, 3);
}

TEST(Deadlines, however_many_begin_to_wait_there_is_one_look_at_a_time) {
  net::Loop loop;
  Deadlines deadlines(loop);
  int looks = 0;
  Deadlines::Begun begun;
  begun = deadlines.watch([&]() -> std::size_t {
    if (++looks == 5) loop.after(3 * expire_period, [&] { loop.stop(); });
    if (looks < 5) begun();  // somebody comes during the look
    return looks < 5;
  });
  for (int i = 0; i < 100; ++i) begun();
  loop.run();
  EXPECT_EQ(looks, 5);
}

// Each waits until it is answered and then waits again; none is forgotten by a look that ends as it
// begins.
TEST(Deadlines, who_begins_while_a_look_ends_is_looked_at) {
  net::LoopThread loop("deadlines");
  Deadlines deadlines(loop.loop());
  std::binary_semaphore looked(0);
  const auto begun = deadlines.watch([&]() -> std::size_t {
    looked.release();
    return 0;
  });
  bool in_time = true;
  for (int round = 0; round < 3 && in_time; ++round) {
    begun();
    in_time = looked.try_acquire_for(10s);
  }
  loop.stop();
  ASSERT_TRUE(in_time);
}

}  // namespace
}  // namespace slipway::engine
