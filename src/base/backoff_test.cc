#include "base/backoff.h"

#include <gtest/gtest.h>

#include <limits>

namespace slipway {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, doubles_with_each_failure_up_to_the_longest_wait) {
  constexpr Backoff backoff{.first = 100ms, .most = 1s};
  EXPECT_EQ(backoff.after(0), 0ms);
  EXPECT_EQ(backoff.after(1), 100ms);
  EXPECT_EQ(backoff.after(2), 200ms);
  EXPECT_EQ(backoff.after(4), 800ms);
  EXPECT_EQ(backoff.after(5), 1s);
  EXPECT_EQ(backoff.after(std::numeric_limits<std::uint64_t>::max()), 1s);
}

TEST(Backoff, a_first_wait_above_the_longest_is_cut_and_none_stays_none) {
  EXPECT_EQ((Backoff{.first = 1min, .most = 1s}).after(1), 1s);
  EXPECT_EQ((Backoff{.first = 0s, .most = 1s}).after(1'000'000'000'000), 0s);
}

}  // namespace
}  // namespace slipway
