#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"

namespace slipway::events {
namespace {

class Publishing : public ::testing::Test {
 protected:
  Publishing() {
    auto opened = store::Store::open(folder_ / "store.db", migrations());
    if (opened) store_ = *std::move(opened);
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  SeededRandom random_{1};
  int woken_ = 0;
  Topics topics_{random_, [this] { ++woken_; }};
  const TopicId topic_{"000000000000/us-east-1/news"};
};

TEST_F(Publishing, WakesTheDelivererOnceTheNotificationIsDurableAndNotBefore) {
  const auto published = store_->write([&](store::Transaction& tx) -> Result<Published> {
    TRY_DO(topics_.create(tx, topic_, {}, {}, Timestamp{}));
    auto out = topics_.publish(tx, topic_, {.body = "hello"}, Timestamp{});
    EXPECT_EQ(woken_, 0);
    return out;
  });
  ASSERT_TRUE(published);
  EXPECT_EQ(published->id.size(), 36u);
  EXPECT_EQ(woken_, 1);
}

TEST_F(Publishing, ToATopicThatIsNotThereIsRefused) {
  const auto published = store_->write([&](store::Transaction& tx) {
    return topics_.publish(tx, topic_, {.body = "hello"}, Timestamp{});
  });
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().kind, "no_topic");
  EXPECT_EQ(woken_, 0);
}

}  // namespace
}  // namespace slipway::events
