#include "engine/deadlines.h"

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

TEST(Deadlines, are_looked_at_until_nobody_waits_and_again_when_somebody_does) {
  net::Loop loop;
  Deadlines deadlines(loop);
  std::vector<std::size_t> looks;
  const auto three_looks = [&, left = 3]() mutable -> std::size_t {
    looks.push_back(--left);
    return left;
  };
  deadlines.keep(three_looks);
  loop.after(10 * expire_period, [&] {
    EXPECT_EQ(looks, (std::vector<std::size_t>{2, 1, 0}));
    deadlines.keep([&]() -> std::size_t {
      loop.stop();
      return 0;
    });
  });
  loop.run();
  EXPECT_EQ(looks.size(), 3U);
}

TEST(Deadlines, of_two_kinds_each_is_looked_at_for_as_long_as_it_needs) {
  net::Loop loop;
  Deadlines deadlines(loop);
  int short_looks = 0;
  int long_looks = 0;
  deadlines.keep([&]() -> std::size_t { return ++short_looks < 1; });
  deadlines.keep([&]() -> std::size_t {
    if (++long_looks == 3) loop.stop();
    return long_looks < 3;
  });
  loop.run();
  EXPECT_EQ(short_looks, 1);
  EXPECT_EQ(long_looks, 3);
}

}  // namespace
}  // namespace slipway::engine
