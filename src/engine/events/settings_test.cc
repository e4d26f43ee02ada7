// The settings of queues, topics and subscriptions as stores hold them: what is written is, byte
// for byte, what was written before, and nothing beside it is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"

namespace slipway::events {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class StoredSettings : public ::testing::Test {
 protected:
  StoredSettings() {
    store_ = store::Store::open(folder_ / "store.db", migrations()).value();
    EXPECT_TRUE(change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(queues_.create(tx, queue_, {.dead_letters = DeadLetters{{"a/r/dead"}, 3}}, {}));
      TRY_DO(topics_.create(tx, topic_, topic_settings(), {}));
      TRY_DO(topics_.subscribe(tx, subscription(), {}));
      return {};
    }));
  }

  static TopicSettings topic_settings() {
    return {.order = DeliveryOrder::strict,
            .http = {.retry = RetryPolicy{.retries = 7,
                                          .at_once = 1,
                                          .at_delay_min = 2,
                                          .at_delay_max = 3,
                                          .delay_min = seconds(20),
                                          .delay_max = seconds(40),
                                          .growth = RetryPolicy::Growth::geometric},
                     .per_second = 9,
                     .content_type = "text/xml"},
            .overrides = TopicSettings::Overrides::ignored,
            .notes = {{"Policy", "{\"a\": 1}"}}};
  }
  Subscription subscription() const {
    return {.topic = topic_,
            .channel = Channel::http,
            .endpoint = "http://h/",
            .settings = {.filter = "{}",
                         .filter_scope = FilterScope::body,
                         .form = MessageForm::bare,
                         .dead_letters = QueueId{"a/r/dead"}}};
  }

  template <typename F>
  Result<> change(F&& what) {
    return store_->write(std::forward<F>(what));
  }
  std::string text_of(const std::string& table) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::string> {
          auto rows = tx.query("SELECT settings FROM " + table);
          rows.next();
          return std::string(rows.text(0));
        })
        .value();
  }
  void add_to(const std::string& table, const std::string& field) {
    EXPECT_TRUE(change([&](store::Transaction& tx) -> Result<> {
      tx.run("UPDATE " + table + " SET settings = json_set(settings, ?1, 1)", field);
      return {};
    }));
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  SeededRandom random_{1};
  ManualClock clock_;
  engine::Changes changes_{clock_};
  Queues queues_{random_, changes_};
  Topics topics_{random_};
  const QueueId queue_{"a/r/q"};
  const TopicId topic_{"a/r/news"};
};

TEST_F(StoredSettings, AreWrittenAsTheyWereBefore) {
  EXPECT_EQ(text_of("events_queue"),
            R"({"order":0,"visibility":30,"delay":0,"retention":345600,"wait":0,)"
            R"("message_bytes_max":1048576,"deduplication":0,"scope":0,"notes":{},)"
            R"("dead_letters":"a/r/dead","receives_max":3})");
  EXPECT_EQ(text_of("events_topic"),
            R"({"order":1,"deduplication":0,"http":{"retry":[7,1,2,3,20,40,2],"per_second":9,)"
            R"("content_type":"text/xml"},"overrides":1,"notes":{"Policy":"{\"a\": 1}"}})");
  EXPECT_EQ(text_of("events_subscription"),
            R"({"filter":"{}","filter_scope":1,"form":1,"http":{},"notes":{},)"
            R"("dead_letters":"a/r/dead"})");
}

TEST_F(StoredSettings, AreReadAsTheyWereWritten) {
  EXPECT_TRUE(store_->read([&](store::Transaction& tx) -> Result<> {
    EXPECT_EQ(queues_.find(tx, queue_)->settings.dead_letters, (DeadLetters{{"a/r/dead"}, 3}));
    EXPECT_EQ(topics_.find(tx, topic_)->settings, topic_settings());
    return {};
  }));
}

TEST_F(StoredSettings, HoldNothingThatIsNotKnown) {
  add_to("events_queue", "$.colour");
  add_to("events_topic", "$.http.colour");
  const auto queue = store_->read([&](store::Transaction& tx) { return queues_.find(tx, queue_); });
  const auto topic = store_->read([&](store::Transaction& tx) { return topics_.find(tx, topic_); });
  ASSERT_FALSE(queue || topic);
  EXPECT_EQ(queue.error().code, ErrorCode::corrupted);
  EXPECT_THAT(queue.error().message, HasSubstr("stored queue cannot be read: colour is not known"));
  EXPECT_THAT(topic.error().message, HasSubstr("http.colour is not known"));
}

}  // namespace
}  // namespace slipway::events
