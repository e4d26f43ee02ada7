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
    topics_.on_published([this] { ++woken_; });
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  SeededRandom random_{1};
  ManualClock clock_;
  int woken_ = 0;
  Topics topics_{random_};
  const TopicId topic_{"000000000000/us-east-1/news"};
};

TEST_F(Publishing, WakesTheDelivererOnceTheNotificationIsDurableAndNotBefore) {
  const auto published = store_->write([&](store::Transaction& tx) -> Result<Published> {
    TRY_DO(topics_.create(tx, topic_, {}, Moment{}));
    auto out = topics_.publish(tx, topic_, {.body = "hello"}, Moment{});
    EXPECT_EQ(woken_, 0);
    return out;
  });
  ASSERT_TRUE(published);
  EXPECT_EQ(published->id.size(), 36u);
  EXPECT_EQ(woken_, 1);
}

TEST_F(Publishing, ToATopicThatIsNotThereIsRefused) {
  const auto published = store_->write([&](store::Transaction& tx) {
    return topics_.publish(tx, topic_, {.body = "hello"}, Moment{});
  });
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().kind, "no_topic");
  EXPECT_EQ(woken_, 0);
}

class Subscribing : public Publishing {
 protected:
  Subscribing() {
    EXPECT_TRUE(change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(topics_.create(tx, topic_, {}, Moment{}));
      return {};
    }));
  }
  Result<> change(const std::function<Result<>(store::Transaction&)>& what) {
    return store_->write(what);
  }
  Result<Subscription> subscribe(const std::string& endpoint) {
    return store_->write([&](store::Transaction& tx) {
      return topics_.subscribe(
          tx, {.topic = topic_, .channel = Channel::http, .endpoint = endpoint}, Moment{});
    });
  }
  void pretend_count(std::int64_t count) {
    EXPECT_TRUE(change([&](store::Transaction& tx) -> Result<> {
      tx.run("UPDATE events_topic SET subscriptions = ?1", count);
      return {};
    }));
  }
};

TEST_F(Subscribing, IsRefusedAtTheLimitWithoutCountingAndAnUnsubscriptionMakesRoom) {
  const auto first = subscribe("http://a/");
  ASSERT_TRUE(first);
  pretend_count(subscriptions_per_topic_max);
  const auto refused = subscribe("http://b/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, "too_many_subscriptions");
  EXPECT_TRUE(subscribe("http://a/")) << "what is subscribed already takes no room";
  ASSERT_TRUE(change([&](store::Transaction& tx) { return topics_.unsubscribe(tx, first->id); }));
  EXPECT_TRUE(subscribe("http://b/"));
  EXPECT_FALSE(subscribe("http://c/"));
}

TEST_F(Subscribing, AnEndpointIsAskedToConfirmOnceInAWhileAndNeverAfterIt) {
  const auto pending = subscribe("http://a/");
  ASSERT_TRUE(pending);
  const Moment start = Moment{} + std::chrono::hours(1);
  std::vector<bool> asked;
  ASSERT_TRUE(change([&](store::Transaction& tx) -> Result<> {
    for (const auto after : {0, 1, 59, 60, 61})
      asked.push_back(topics_.may_ask(tx, pending->id, start + std::chrono::seconds(after)));
    tx.run("UPDATE events_subscription SET state = ?1", Subscription::State::confirmed);
    asked.push_back(topics_.may_ask(tx, pending->id, start + std::chrono::hours(1)));
    return {};
  }));
  EXPECT_EQ(asked, (std::vector{true, false, false, true, false, false}));
}

TEST_F(Subscribing, ListsOfATopicAndOfAnAccountInARegionInTheOrderOfSubscribing) {
  const auto subscribe_to = [&](const std::string& topic, const std::string& endpoint) {
    return store_->write([&](store::Transaction& tx) -> Result<Subscription> {
      if (!topics_.find(tx, {topic})) TRY_DO(topics_.create(tx, {topic}, {}, Moment{}));
      return topics_.subscribe(
          tx, {.topic = {topic}, .channel = Channel::http, .endpoint = endpoint}, Moment{});
    });
  };
  for (const char* topic : {"1/r/b", "1/r/a", "1/r2/a", "2/r/a", "1/r/b"})
    for (const char* end : {"x", "y"})
      ASSERT_TRUE(subscribe_to(topic, std::string("http://") + topic + end));
  const auto listed = [&](const TopicId& topic, std::string_view place, std::int64_t after) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::string> {
          std::string out;
          for (const auto& each : topics_.list_subscriptions(tx, topic, place, after, 3))
            out += each.subscription.endpoint.substr(7) + ' ';
          return out;
        })
        .value();
  };
  EXPECT_EQ(listed({}, "1/r/", 0), "1/r/bx 1/r/by 1/r/ax ");
  EXPECT_EQ(listed({}, "1/r/", 3), "1/r/ay ");
  EXPECT_EQ(listed({}, "2/r/", 0), "2/r/ax 2/r/ay ");
  EXPECT_EQ(listed({}, "1/", 0), "");
  EXPECT_EQ(listed({"1/r/b"}, "", 0), "1/r/bx 1/r/by ");
  EXPECT_EQ(listed({"1/r/b"}, "", 1), "1/r/by ");
}

TEST_F(Subscribing, CountsThosePendingAndThoseConfirmed) {
  for (const char* endpoint : {"http://a/", "http://b/", "http://c/"})
    ASSERT_TRUE(subscribe(endpoint));
  ASSERT_TRUE(change([&](store::Transaction& tx) -> Result<> {
    tx.run("UPDATE events_subscription SET state = ?1 WHERE endpoint = 'http://b/'",
           Subscription::State::confirmed);
    const auto counts = topics_.count(tx, topic_);
    EXPECT_EQ(counts.pending, 2);
    EXPECT_EQ(counts.confirmed, 1);
    return {};
  }));
}

TEST_F(Publishing, TopicsAreListedByTheBeginningOfTheirIds) {
  const auto listed = store_->write([&](store::Transaction& tx) -> Result<std::string> {
    for (const char* id : {"1/r/a", "1/r/ab", "1/r/b", "2/r/a"})
      TRY_DO(topics_.create(tx, {id}, {}, Moment{}));
    std::string out;
    for (const auto& [prefix, after] :
         {std::pair("1/r/", ""), {"1/r/a", ""}, {"1/r/a", "1/r/a"}, {"2/r/", "1/r/ab"}}) {
      for (const TopicId& id : topics_.list(tx, prefix, after, 10)) out += id.text + ' ';
      out += "; ";
    }
    return out;
  });
  EXPECT_EQ(listed.value(), "1/r/a 1/r/ab 1/r/b ; 1/r/a 1/r/ab ; 1/r/ab ; 2/r/a ; ");
}

TEST_F(Publishing, WhatIsRemovedLeavesNoTagsToTheNextOfItsName) {
  engine::Changes changes{clock_};
  const Queues queues(random_, changes);
  const QueueId queue{"000000000000/us-east-1/news"};
  const auto left = store_->write([&](store::Transaction& tx) -> Result<tags::TagList> {
    const tags::TagList given{{"team", "blue"}};
    TRY_DO(topics_.create(tx, topic_, {}, Moment{}));
    TRY_DO(queues.create(tx, queue, {}, Moment{}));
    TRY_DO(tags::put(tx, tagged(topic_), given, {}));
    topics_.remove(tx, topic_);
    EXPECT_EQ(tags::list(tx, tagged(queue)), tags::TagList{});
    TRY_DO(tags::put(tx, tagged(queue), given, {}));
    TRY_DO(queues.remove(tx, queue, Moment{}));
    tags::TagList out = tags::list(tx, tagged(topic_));
    for (auto& each : tags::list(tx, tagged(queue))) out.push_back(each);
    return out;
  });
  EXPECT_EQ(left.value(), tags::TagList{});
}

TEST(EventTables, what_was_tagged_in_an_older_store_has_its_tags) {
  const TestFolder folder;
  std::vector<store::Migration> before(migrations().begin(), migrations().end());
  std::erase_if(before, [](const auto& step) { return step.room == "events" && step.version > 9; });
  {
    const auto store = store::Store::open(folder / "store.db", before).value();
    const Result<> written = store->write([](store::Transaction& tx) -> Result<> {
      tx.run(
          "INSERT INTO events_queue VALUES('1/here/q', 1, '{}', ?1, NULL, 60, 5, 5, 0),"
          "('1/here/bare', 2, '{}', '{}', NULL, 60, 5, 5, 0)",
          R"({"team":"blue","a \"quoted\" k\u00e9y":""})");
      tx.run(
          "INSERT INTO events_topic(id, settings, tags, created) "
          "VALUES('1/here/q', '{}', '{\"kind\":\"topic\"}', 5)");
      return {};
    });
    ASSERT_TRUE(written) << written.error().message;
  }
  const auto store = store::Store::open(folder / "store.db", migrations()).value();
  const auto tags_of = [&](const auto& id) {
    return store
        ->read([&](store::Transaction& tx) -> Result<tags::TagList> {
          return tags::list(tx, tagged(id));
        })
        .value();
  };
  EXPECT_EQ(tags_of(QueueId{"1/here/q"}),
            (tags::TagList{{"a \"quoted\" k\u00e9y", ""}, {"team", "blue"}}));
  EXPECT_EQ(tags_of(QueueId{"1/here/bare"}), tags::TagList{});
  EXPECT_EQ(tags_of(TopicId{"1/here/q"}), (tags::TagList{{"kind", "topic"}}));
}

}  // namespace
}  // namespace slipway::events
