#include "engine/reconciler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <latch>
#include <stdexcept>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

constexpr store::Migration counters{
    .room = "test", .version = 1, .sql = "CREATE TABLE counter(key TEXT PRIMARY KEY, n INTEGER)"};

// Counts its runs in the store.
class Counting final : public Reconciler {
 public:
  std::string_view name() const override { return "counting"; }
  std::vector<std::string> keys(store::Transaction& tx) override {
    std::vector<std::string> keys;
    auto rows = tx.query("SELECT key FROM counter ORDER BY key");
    while (rows.next()) keys.emplace_back(rows.text(0));
    return keys;
  }
  Wake reconcile(std::string_view key, store::Transaction& tx, const Moment&,
                 engine::Effects& effects) override {
    ran.emplace_back(key);
    tx.run("INSERT INTO counter VALUES(?1, 1) ON CONFLICT(key) DO UPDATE SET n = n + 1", key);
    effects.add([this, key = std::string(key)] {
      did.push_back(key);
      if (effect) effect();
    });
    if (throws_left > 0 && throws_left-- > 0) throw std::runtime_error("a bug");
    return again;
  }

  std::vector<std::string> ran;
  std::vector<std::string> did;  // the keys whose effects were performed
  std::function<void()> effect;
  Wake again = Wake::never();
  int throws_left = 0;
};

class ReconcilerLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("slipway_loop_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    auto store = store::Store::open(folder_ / "s.db", std::span(&counters, 1));
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    loop_ = std::make_unique<ReconcilerLoop>(*store_, clock_, changes_);
    loop_->add(counting_);
  }
  void TearDown() override {
    loop_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::int64_t count(std::string_view key) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::int64_t> {
          auto rows = tx.query("SELECT n FROM counter WHERE key = ?1", key);
          return rows.next() ? rows.integer(0) : 0;
        })
        .value();
  }

  std::filesystem::path folder_;
  ManualClock clock_;
  Changes changes_{clock_};
  std::unique_ptr<store::Store> store_;
  Counting counting_;
  std::unique_ptr<ReconcilerLoop> loop_;
};

TEST_F(ReconcilerLoopTest, AKeyWokenTwiceRunsOnce) {
  loop_->wake(counting_, "a");
  loop_->wake(counting_, "a");
  EXPECT_EQ(loop_->step(), 1U);
  EXPECT_EQ(loop_->step(), 0U);
  EXPECT_EQ(count("a"), 1);
}

TEST_F(ReconcilerLoopTest, ItSaysWhatEachReconcilerWaitsForAndWhatFailsWhyAndWhenAgain) {
  counting_.throws_left = 2;
  loop_->wake(counting_, "broken");
  loop_->step();
  clock_.advance(retry_delay_min);
  loop_->step();
  counting_.again = Wake::after(5s);
  loop_->wake(counting_, "timed");
  loop_->step();
  loop_->wake(counting_, "woken");
  const std::vector<ReconcilerState> states = loop_->states();
  ASSERT_EQ(states.size(), 1U);
  const ReconcilerState& state = states[0];
  EXPECT_EQ(state.name, "counting");
  EXPECT_EQ(state.woken, 1U);
  EXPECT_EQ(state.timed, 2U);
  ASSERT_EQ(state.failing, 1U);
  EXPECT_EQ(state.next_in, 2 * retry_delay_min) << "the broken key's turn comes first";
  const ReconcilerState::Failing& failing = state.first_failing.at(0);
  EXPECT_EQ(failing.key, "broken");
  EXPECT_EQ(failing.cause, "a bug");
  EXPECT_EQ(failing.failures, 2U);
  EXPECT_EQ(failing.failed_at, clock_.now());
  EXPECT_EQ(failing.again_in, 2 * retry_delay_min);
  clock_.advance(1s);
  loop_->step();
  EXPECT_EQ(loop_->states()[0].failing, 0U) << "it went well since";
}

TEST_F(ReconcilerLoopTest, AKeyRunsAgainWhenItsTimeHasCome) {
  counting_.again = Wake::after(5s);
  loop_->wake(counting_, "a");
  loop_->step();
  EXPECT_EQ(loop_->next_due(), 5s);
  clock_.advance(4s);
  EXPECT_EQ(loop_->step(), 0U);
  clock_.advance(1s);
  EXPECT_EQ(loop_->step(), 1U);
  EXPECT_EQ(count("a"), 2);
}

TEST_F(ReconcilerLoopTest, AnExceptionRollsBackAndTheKeyIsTriedAgainLaterAndLater) {
  counting_.throws_left = 2;
  loop_->wake(counting_, "a");
  loop_->wake(counting_, "b");
  EXPECT_EQ(loop_->step(), 2U);
  EXPECT_EQ(count("a"), 0);
  EXPECT_EQ(loop_->next_due(), retry_delay_min);
  counting_.throws_left = 1;
  clock_.advance(retry_delay_min);
  loop_->step();
  EXPECT_EQ(count("a") + count("b"), 1);
  EXPECT_EQ(loop_->next_due(), 2 * retry_delay_min);
}

TEST_F(ReconcilerLoopTest, EffectsFollowTheCommitAndNeverOneThatIsLost) {
  counting_.effect = [this] { EXPECT_EQ(count("a"), 1); };  // another connection sees it
  loop_->wake(counting_, "a");
  loop_->step();
  EXPECT_EQ(counting_.did, (std::vector<std::string>{"a"}));
  counting_.effect = {};
  counting_.throws_left = 1;
  loop_->wake(counting_, "b");
  loop_->step();
  EXPECT_EQ(counting_.did.size(), 1U);
  bool lost = true;
  loop_->set_faults({.loses_commit = [&] { return std::exchange(lost, false); }});
  loop_->wake(counting_, "c");
  loop_->step();
  EXPECT_EQ(count("c"), 0);
  EXPECT_EQ(counting_.did.size(), 1U);
  clock_.advance(retry_delay_min);
  loop_->step();
  EXPECT_EQ(count("c"), 1);
  EXPECT_EQ(counting_.did, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ReconcilerLoopTest, AKeyWhoseEffectThrowsIsTriedAgain) {
  bool throws = true;
  counting_.effect = [&] {
    if (std::exchange(throws, false)) throw std::runtime_error("a bug");
  };
  loop_->wake(counting_, "a");
  loop_->step();
  EXPECT_EQ(loop_->next_due(), retry_delay_min);
  clock_.advance(retry_delay_min);
  loop_->step();
  EXPECT_EQ(counting_.did, (std::vector<std::string>{"a", "a"}));
  EXPECT_EQ(loop_->next_due(), std::nullopt);
}

TEST_F(ReconcilerLoopTest, ATopicWakesTheKeyThatNamedItAlsoWhereItMovedMeanwhile) {
  counting_.again = Wake::on("news", 1h);
  loop_->wake(counting_, "a");
  loop_->step();
  EXPECT_EQ(loop_->step(), 0U);
  changes_.notify("other");
  EXPECT_EQ(loop_->step(), 0U);
  counting_.effect = [this] { changes_.notify("news"); };  // after its look, before it waits
  changes_.notify("news");
  EXPECT_EQ(loop_->step(), 1U);
  EXPECT_EQ(changes_.waiting(), 0U);
  counting_.effect = {};
  EXPECT_EQ(loop_->step(), 1U);
  EXPECT_EQ(loop_->step(), 0U);
  EXPECT_EQ(changes_.waiting(), 1U);
}

TEST_F(ReconcilerLoopTest, ATopicWithoutATimeIsAllThatTheKeyWaitsFor) {
  counting_.again = Wake::on("news");
  loop_->wake(counting_, "a");
  loop_->step();
  EXPECT_EQ(loop_->next_due(), std::nullopt);
  clock_.advance(24h);
  EXPECT_EQ(changes_.expire(), 0U);
  EXPECT_EQ(loop_->step(), 0U);
  changes_.notify("news");
  EXPECT_EQ(loop_->step(), 1U);
}

TEST_F(ReconcilerLoopTest, ALoopThatEndsLeavesNoWaitThatCouldBeToldAfterIt) {
  counting_.again = Wake::on("news", 1h);
  loop_->wake(counting_, "a");
  loop_->step();
  EXPECT_EQ(changes_.waiting(), 1U);
  loop_.reset();
  EXPECT_EQ(changes_.waiting(), 0U);
  changes_.notify("news");
}

TEST_F(ReconcilerLoopTest, ATopicThatIsNamedAnewIsAwaitedForAsLongAsItWasNamedLast) {
  counting_.again = Wake::on("news", 1h);
  loop_->wake(counting_, "a");
  loop_->step();
  clock_.advance(30min);
  loop_->wake(counting_, "a");
  loop_->step();
  clock_.advance(30min);  // what the first look said is over
  changes_.expire();
  loop_->step();
  changes_.notify("news");
  EXPECT_EQ(loop_->step(), 1U);
}

// A place that is slow to answer, a disk: nobody who writes waits for it.
TEST_F(ReconcilerLoopTest, AWriteWaitsForNoEffect) {
  std::latch begun(1), release(1);
  counting_.effect = [&] {
    begun.count_down();
    release.wait();
  };
  loop_->start();
  loop_->wake(counting_, "a");
  begun.wait();
  EXPECT_TRUE(store_->write([](store::Transaction& tx) -> Result<> {
    tx.run("INSERT INTO counter VALUES('beside', 7)");
    return {};
  }));
  EXPECT_EQ(count("beside"), 7);
  release.count_down();
  loop_->stop();
}

TEST_F(ReconcilerLoopTest, AfterAStartEveryStoredKeyIsLookedAt) {
  for (const char* key : {"a", "b", "c"}) loop_->wake(counting_, key);
  loop_->step();
  counting_.ran.clear();
  ASSERT_TRUE(loop_->wake_all());
  EXPECT_EQ(loop_->step(), 3U);
  EXPECT_EQ(counting_.ran, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ReconcilerLoopTest, OnItsThreadItRunsWhatIsWoken) {
  loop_->start();
  loop_->wake(counting_, "a");
  for (int i = 0; i < 1000 && count("a") == 0; ++i) ::usleep(1000);
  loop_->stop();
  EXPECT_EQ(count("a"), 1);
}

}  // namespace
}  // namespace slipway::engine
