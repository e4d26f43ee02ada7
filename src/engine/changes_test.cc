#include "engine/changes.h"

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

class ChangesTest : public testing::Test {
 protected:
  Waiter note() {
    return [this](WaitOutcome outcome) { outcomes_.push_back(outcome); };
  }

  ManualClock clock_;
  Changes changes_{clock_};
  std::vector<WaitOutcome> outcomes_;
};

TEST_F(ChangesTest, AWaiterIsAnsweredWhenItsTopicChanges) {
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note());
  changes_.notify("b");
  EXPECT_TRUE(outcomes_.empty());
  changes_.notify("a");
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::changed});
  EXPECT_EQ(changes_.waiting(), 0U);
}

TEST_F(ChangesTest, AChangeBetweenTheLookAndTheWaitIsNotMissed) {
  const std::uint64_t since = changes_.sequence();
  changes_.notify("a");
  changes_.wait("a", since, clock_.monotonic() + 25s, note());
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::changed});
}

TEST_F(ChangesTest, AWaiterIsAnsweredAtItsDeadlineAndOnlyOnce) {
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note());
  clock_.advance(24s);
  changes_.expire();
  EXPECT_TRUE(outcomes_.empty());
  clock_.advance(1s);
  changes_.expire();
  changes_.notify("a");
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::deadline});
}

TEST_F(ChangesTest, WhoBeginsToWaitForADeadlineIsToldOfAndCountedUntilItPasses) {
  int begun = 0;
  Changes changes(clock_, [&] { ++begun; });
  changes.notify("a");
  EXPECT_EQ(begun, 0);
  const auto wait = [&](std::string_view topic) {
    changes.wait(topic, changes.sequence(), clock_.monotonic() + 25s, note());
  };
  wait("a");
  EXPECT_EQ(begun, 1);
  wait("b");
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(changes.expire(), 2U);
  changes.notify("a");
  EXPECT_EQ(changes.expire(), 1U);
  clock_.advance(25s);
  EXPECT_EQ(changes.expire(), 0U);
}

TEST_F(ChangesTest, WhoWaitsWithoutADeadlineHasNobodyLookForOne) {
  int begun = 0;
  Changes changes(clock_, [&] { ++begun; });
  changes.wait("a", changes.sequence(), Instant::max(), note());
  EXPECT_EQ(changes.waiting(), 1U);
  clock_.advance(24h * 365);
  EXPECT_EQ(changes.expire(), 0U);
  EXPECT_EQ(begun, 0);
  changes.notify("a");
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::changed});
  EXPECT_EQ(changes.waiting(), 0U);
}

TEST_F(ChangesTest, ClosingAnswersEveryoneAndWhoeverComesLater) {
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note());
  changes_.close();
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note());
  EXPECT_EQ(outcomes_, (std::vector{WaitOutcome::closed, WaitOutcome::closed}));
}

TEST_F(ChangesTest, TooManyWaitersAreAnsweredAtOnce) {
  for (std::size_t i = 0; i < waiters_max; ++i)
    changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, [](WaitOutcome) {});
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note());
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::deadline});
}

}  // namespace
}  // namespace slipway::engine
