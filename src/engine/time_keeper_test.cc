#include "engine/time_keeper.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/test_folder.h"

namespace slipway::engine {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class TimeKeeperTest : public ::testing::Test {
 protected:
  TimeKeeperTest() { store_ = store::Store::open(folder_ / "store.db", time_migrations()).value(); }

  void note(const ClockNote& note) {
    ASSERT_TRUE(store_->write([&](store::Transaction& tx) -> Result<> {
      put_note(tx, note);
      return {};
    }));
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(TimeKeeperTest, TheFirstStartBeginsAsCivilTime) {
  SystemClock clock;
  ASSERT_TRUE(keep_time(*store_, clock));
  EXPECT_LT(clock.server_time().time_since_epoch() - clock.now().time_since_epoch(), seconds(5));
}

TEST_F(TimeKeeperTest, ARestartGoesOnThoughTheMachinesClockWasSet) {
  SystemClock clock;
  ASSERT_TRUE(keep_time(*store_, clock));
  for (const auto set : {hours(-24 * 365), hours(24 * 365)}) {
    ClockNote before = clock.note();
    before.machine.civil -= set;  // since then somebody set it by so much
    note(before);
    SystemClock next;
    ASSERT_TRUE(keep_time(*store_, next));
    EXPECT_GE(next.server_time(), before.server);
    EXPECT_LT(next.server_time(), before.server + seconds(30));
  }
}

TEST_F(TimeKeeperTest, AfterABootTheTimeThatPassedIsBoundedBothWays) {
  SystemClock clock;
  ClockNote before = clock.note();
  before.machine.boot = "another";
  for (const auto off : {hours(-24), hours(1), hours(24 * 365)}) {
    ClockNote noted = before;
    noted.machine.civil -= off;
    note(noted);
    SystemClock next;
    ASSERT_TRUE(keep_time(*store_, next));
    const auto passed = next.server_time() - before.server;
    EXPECT_GE(passed, std::clamp(off, hours(0), off_time_max));
    EXPECT_LT(passed, std::clamp(off, hours(0), off_time_max) + seconds(30));
  }
}

}  // namespace
}  // namespace slipway::engine
