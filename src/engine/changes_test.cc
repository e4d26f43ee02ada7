#include "engine/changes.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

class ChangesTest : public testing::Test {
 protected:
  Waiter note() {
    return [this](WaitOutcome outcome) { outcomes_.push_back(outcome); };
  }

  // Takes so many places.
  void fill(TaskOwner owner, std::size_t places) {
    for (std::size_t i = 0; i < places; ++i)
      changes_.wait(
          "full", changes_.sequence(), clock_.monotonic() + 25s, [](WaitOutcome) {}, owner);
  }

  ManualClock clock_;
  std::vector<WaitOutcome> outcomes_;
  Changes changes_{clock_};
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
  fill(TaskOwner(1), waiters_per_owner_max);
  fill(TaskOwner(2), waiters_per_owner_max);
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note(), TaskOwner(3));
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::deadline});
  changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note());
  EXPECT_EQ(outcomes_.size(), 1U) << "the server itself always finds a place";
}

TEST_F(ChangesTest, OneOwnerHasHalfOfThePlacesAndTheOthersFindRoom) {
  fill(TaskOwner(1), waiters_per_owner_max);
  const auto wait = [&](TaskOwner owner) {
    changes_.wait("a", changes_.sequence(), clock_.monotonic() + 25s, note(), owner);
  };
  wait(TaskOwner(1));
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::deadline});
  wait(TaskOwner(2));
  EXPECT_EQ(outcomes_.size(), 1U);
  changes_.notify("full");
  wait(TaskOwner(1));
  EXPECT_EQ(outcomes_.size(), 1U) << "the places that were left are there again";
}

// Some who wait in the line of "queue", by number. Each keeps the turn that it was given until the
// test does something with it.
class LineTest : public ChangesTest {
 protected:
  ~LineTest() override { changes_.close(); }

  void stand(int who, Changes::InLine place = {}) {
    if (place.deadline == Instant()) place.deadline = clock_.monotonic() + 20s;
    changes_.wait_in_line("queue", changes_.sequence(), std::move(place),
                          [this, who](WaitOutcome outcome, Changes::Turn turn) {
                            told_.push_back(who);
                            outcomes_.push_back(outcome);
                            turns_[who] = std::move(turn);
                          });
  }
  // Finds nothing and waits on, `look_at`: as InLine has it.
  void stand_again(int who, std::optional<Instant> look_at = {}) {
    stand(who, {.look_at = look_at, .turn = std::move(turns_[who])});
  }
  void leave(int who) { const Changes::Turn turn = std::move(turns_.extract(who).mapped()); }
  void leave_all() {
    while (!turns_.empty()) leave(turns_.begin()->first);
  }
  std::vector<int> told() { return std::exchange(told_, {}); }

  std::map<int, Changes::Turn> turns_;
  std::vector<int> told_;
};

TEST_F(LineTest, EachChangeIsToldToTheFirstWhoWaitsAlone) {
  for (int who : {1, 2, 3}) stand(who);
  changes_.notify("queue");
  EXPECT_EQ(told(), std::vector{1});
  changes_.notify("queue");
  EXPECT_EQ(told(), std::vector{2});
  EXPECT_EQ(changes_.waiting(), 1U);
}

TEST_F(LineTest, WhoLeavesWithTheTurnPassesItOn) {
  for (int who : {1, 2, 3}) stand(who);
  changes_.notify("queue");
  leave(1);  // with a message, or because its client is gone
  EXPECT_EQ(told(), (std::vector{1, 2}));
  stand_again(2);
  leave(2);
  EXPECT_TRUE(told().empty()) << "who finds nothing and waits on keeps it";
}

TEST_F(LineTest, WhoFoundNothingIsTheFirstAgain) {
  for (int who : {1, 2}) stand(who);
  changes_.notify("queue");
  stand_again(1);
  changes_.notify("queue");
  EXPECT_EQ(told(), (std::vector{1, 1}));
}

TEST_F(LineTest, AChangeWhileTheFirstLooksIsNotMissed) {
  stand(1);
  changes_.notify("queue");
  const std::uint64_t since = changes_.sequence();
  changes_.notify("queue");
  changes_.wait_in_line(
      "queue", since, {.deadline = clock_.monotonic() + 20s, .turn = std::move(turns_[1])},
      [this](WaitOutcome outcome, Changes::Turn) { outcomes_.push_back(outcome); });
  EXPECT_EQ(outcomes_, (std::vector{WaitOutcome::changed, WaitOutcome::changed}));
}

TEST_F(LineTest, WhatComesWithTimeIsToldToTheFirstAlone) {
  const Instant visible = clock_.monotonic() + 5s;
  for (int who : {1, 2, 3}) stand(who, {.look_at = visible});
  clock_.advance(5s);
  EXPECT_EQ(changes_.expire(), 2U);
  EXPECT_EQ(told(), std::vector{1});
  leave(1);
  EXPECT_EQ(told(), std::vector{2});
  stand_again(2, visible + 5s);
  clock_.advance(5s);
  changes_.expire();
  EXPECT_EQ(told(), std::vector{2});
  EXPECT_EQ(outcomes_.back(), WaitOutcome::changed);
}

TEST_F(LineTest, TheEarliestLookOfALineCounts) {
  stand(1, {.look_at = clock_.monotonic() + 8s});
  stand(2, {.look_at = clock_.monotonic() + 3s});
  clock_.advance(3s);
  changes_.expire();
  EXPECT_EQ(told(), std::vector{1});
}

TEST_F(LineTest, ADeadlineTakesOnesOwnPlaceAndNobodyElsesTurn) {
  stand(1);
  stand(2, {.deadline = clock_.monotonic() + 2s});
  clock_.advance(2s);
  EXPECT_EQ(changes_.expire(), 1U);
  EXPECT_EQ(told(), std::vector{2});
  EXPECT_EQ(outcomes_, std::vector{WaitOutcome::deadline});
  leave(2);
  EXPECT_TRUE(told().empty());
}

TEST_F(LineTest, AnEmptyLineLeavesNothingBehind) {
  stand(1, {.look_at = clock_.monotonic() + 5s});
  changes_.notify("queue");
  leave(1);
  EXPECT_EQ(changes_.expire(), 0U);
}

TEST_F(LineTest, WhoFindsNoPlacePassesTheTurnOn) {
  stand(1, {.owner = TaskOwner(1)});
  stand(2);
  changes_.notify("queue");
  fill(TaskOwner(1), waiters_per_owner_max);
  stand(1, {.owner = TaskOwner(1), .turn = std::move(turns_[1])});
  EXPECT_EQ(outcomes_.back(), WaitOutcome::deadline);
  leave(1);
  EXPECT_EQ(told(), (std::vector{1, 1, 2}));
}

// Messages come, are taken by some and left by others, clients go: whatever happens in which order,
// nobody waits while there is a message that nobody was told of.
TEST_F(LineTest, NoMessageIsLeftWhileSomebodyWaitsAndNobodyHasTheTurn) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::minstd_rand random(seed);
    std::set<int> looking;  // those with the turn
    int messages = 0;
    for (int who = 0; who < 20; ++who) stand(who);
    for (int step = 0; step < 100; ++step) {
      if (looking.empty() || random() % 3 == 0) {
        if (changes_.waiting() == 0) break;
        ++messages;
        changes_.notify("queue");
      } else {
        const int who = *std::next(looking.begin(), random() % looking.size());
        looking.erase(who);
        const bool gone = random() % 4 == 0;
        if (!gone && messages == 0) {
          stand_again(who);
        } else {
          if (!gone) --messages;
          leave(who);
        }
      }
      for (const int who : told()) looking.insert(who);
      ASSERT_TRUE(messages == 0 || !looking.empty() || changes_.waiting() == 0)
          << "seed " << seed << ", step " << step;
    }
    for (; changes_.waiting() > 0; changes_.notify("queue")) leave_all();
    leave_all();
    told();
  }
}

}  // namespace
}  // namespace slipway::engine
