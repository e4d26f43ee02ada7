#include "engine/reconciler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
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
  Wake reconcile(std::string_view key, store::Transaction& tx, const Moment&) override {
    ran.emplace_back(key);
    tx.run("INSERT INTO counter VALUES(?1, 1) ON CONFLICT(key) DO UPDATE SET n = n + 1", key);
    if (throws_left > 0 && throws_left-- > 0) throw std::runtime_error("a bug");
    return again;
  }

  std::vector<std::string> ran;
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
    loop_ = std::make_unique<ReconcilerLoop>(*store_, clock_);
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
