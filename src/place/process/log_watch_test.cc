#include "place/process/log_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace slipway::place {
namespace {

using Keys = std::set<InstanceKey>;

class LogWatchTest : public testing::Test {
 protected:
  std::filesystem::path log(const InstanceKey& key) const {
    return std::filesystem::path(folder_.path()) / key.text;
  }
  void print(const InstanceKey& key) { std::ofstream(log(key), std::ios::app) << "line\n"; }

  const TestFolder folder_;
  const InstanceKey a_{"a"};
  const InstanceKey b_{"b"};
  LogWatch watch_;
};

TEST_F(LogWatchTest, what_stood_there_is_told_once_and_then_what_is_written) {
  print(a_);
  print(b_);
  watch_.add(a_, log(a_));
  watch_.add(b_, log(b_));
  std::ofstream(log({"empty"}));
  watch_.add({"empty"}, log({"empty"}));
  EXPECT_EQ(watch_.grown(), (Keys{a_, b_}));
  EXPECT_EQ(watch_.grown(), Keys{});
  print(b_);
  print(b_);
  EXPECT_EQ(watch_.grown(), Keys{b_});
  EXPECT_EQ(watch_.grown(), Keys{});
}

TEST_F(LogWatchTest, a_log_that_is_not_there_yet_is_told_until_it_is) {
  watch_.add(a_, log(a_));
  EXPECT_EQ(watch_.grown(), Keys{a_});
  EXPECT_EQ(watch_.grown(), Keys{a_});
  print(a_);
  EXPECT_EQ(watch_.grown(), Keys{a_});
  EXPECT_EQ(watch_.grown(), Keys{});
}

TEST_F(LogWatchTest, more_than_the_kernel_counts_is_told_of_all) {
  print(a_);
  print(b_);
  watch_.add(a_, log(a_));
  watch_.add(b_, log(b_));
  watch_.grown();
  for (int i = 0; i < 70'000; ++i) print(i % 2 == 0 ? a_ : b_);
  EXPECT_EQ(watch_.grown(), (Keys{a_, b_}));
}

TEST_F(LogWatchTest, who_is_removed_is_not_told_and_may_come_again) {
  print(a_);
  watch_.add(a_, log(a_));
  watch_.grown();
  print(a_);
  watch_.remove(a_);
  watch_.remove(a_);
  EXPECT_EQ(watch_.grown(), Keys{});
  watch_.add(a_, log(a_));
  EXPECT_EQ(watch_.grown(), Keys{a_});
  EXPECT_EQ(watch_.grown(), Keys{});
}

}  // namespace
}  // namespace slipway::place
