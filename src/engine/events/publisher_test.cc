#include "engine/events/publisher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/test_folder.h"

namespace slipway::events {
namespace {

using ::testing::ElementsAre;

// Says the sequence and the text; counts what it was asked for.
class PlainEnvelope final : public Envelope {
 public:
  std::string wrap(const PublishedNotification& published, const Subscription&) override {
    ++wrapped;
    return std::to_string(published.sequence) + published.notification.body;
  }
  Attribute trace(const std::string& trace) const override { return {.name = trace}; }
  HttpDelivery http(const PublishedNotification&, const Subscription&) override { return {}; }
  HttpDelivery confirmation(const Subscription&, Timestamp) override { return {}; }

  int wrapped = 0;
};

// No deliverer runs: what is in a queue was put there by the change that published it.
class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest() {
    store_ = store::Store::open(folder_ / "store.db", migrations()).value();
    copier_.emplace(Copier::Needs{.queues = queues_,
                                  .envelope = envelope_,
                                  .clock = clock_,
                                  .wake_http = [this](const std::string&) { ++woken_; }});
    publisher_.emplace(Publisher::Needs{.store = *store_, .topics = topics_, .copier = *copier_});
  }

  void change(const std::function<Result<>(store::Transaction&)>& change) {
    const Result<> outcome = store_->write(change);
    EXPECT_TRUE(outcome) << outcome.error().message;
  }
  void create_topic(DeliveryOrder order = DeliveryOrder::loose) {
    change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(topics_.create(tx, topic_,
                            {.order = order, .deduplication = Deduplication::by_content},
                            clock_.moment()));
      return {};
    });
  }
  std::string subscribe(const std::string& endpoint, const SubscriptionSettings& settings = {},
                        Channel channel = Channel::queue,
                        DeliveryOrder order = DeliveryOrder::loose) {
    std::string id;
    change([&](store::Transaction& tx) -> Result<> {
      if (channel == Channel::queue)
        TRY_DO(queues_.create(tx, {endpoint}, {.order = order}, clock_.moment()));
      TRY(const Subscription made, topics_.subscribe(tx,
                                                     {.topic = topic_,
                                                      .channel = channel,
                                                      .endpoint = endpoint,
                                                      .state = Subscription::State::confirmed,
                                                      .settings = settings},
                                                     clock_.moment()));
      id = made.id;
      return {};
    });
    return id;
  }
  std::optional<Publisher::Ahead> copy(const Notification& notification) {
    const auto audience = publisher_->audience(topic_);
    return audience ? publisher_->copy(audience, notification, clock_.moment()) : std::nullopt;
  }
  Published write(const Notification& notification, const std::optional<Publisher::Ahead>& ahead) {
    return write(notification, ahead ? &*ahead : nullptr);
  }
  Published write(const Notification& notification, const Publisher::Ahead* ahead) {
    return *store_->write([&](store::Transaction& tx) {
      return publisher_->publish(tx, topic_, notification, ahead, clock_.moment());
    });
  }
  Published publish(const Notification& notification) {
    return write(notification, copy(notification));
  }
  // What a queue holds, in its order.
  std::vector<std::string> held(const std::string& queue) {
    return *store_->read([&](store::Transaction& tx) -> Result<std::vector<std::string>> {
      TRY(const Queue found, queues_.find(tx, {queue}));
      auto rows = tx.query(
          "SELECT t.body FROM events_message m JOIN events_text t ON t.seq = m.seq "
          "WHERE m.box = ?1 ORDER BY m.seq",
          found.box);
      std::vector<std::string> out;
      while (rows.next()) out.emplace_back(rows.text(0));
      return out;
    });
  }
  std::int64_t waiting() {
    return *store_->read([&](store::Transaction& tx) -> Result<std::int64_t> {
      auto rows = tx.query("SELECT count(*) FROM events_notification");
      rows.next();
      return rows.integer(0);
    });
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  ManualClock clock_;
  SeededRandom random_{1};
  engine::Changes changes_{clock_};
  Queues queues_{random_, changes_};
  Topics topics_{random_};
  PlainEnvelope envelope_;
  int woken_ = 0;
  std::optional<Copier> copier_;
  std::optional<Publisher> publisher_;
  const TopicId topic_{"000000000000/us-east-1/news"};
};

TEST_F(PublisherTest, PutsTheCopiesWhereTheyGoInTheChangeThatPublishes) {
  create_topic();
  subscribe("wrapped");
  subscribe("bare", {.form = MessageForm::bare});
  subscribe("filtered", {.filter = R"({"a":["b"]})"});
  subscribe("http://a/", {}, Channel::http);
  publish({.body = "x"});
  EXPECT_THAT(held("wrapped"), ElementsAre("0x"));
  EXPECT_THAT(held("bare"), ElementsAre("x"));
  EXPECT_THAT(held("filtered"), ElementsAre());
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(PublisherTest, SignsBeforeTheChangeAndNotInIt) {
  create_topic();
  subscribe("a");
  const auto ahead = copy({.body = "x"});
  EXPECT_EQ(envelope_.wrapped, 1);
  write({.body = "x"}, ahead);
  EXPECT_EQ(envelope_.wrapped, 1);
}

TEST_F(PublisherTest, AStrictTopicCountsOnAndSaysWhatItSaidForARepeatedName) {
  create_topic(DeliveryOrder::strict);
  subscribe("a.fifo", {}, Channel::queue, DeliveryOrder::strict);
  const Published first = publish({.body = "x", .group = "g"});
  const Published later = write({.body = "y", .group = "g"}, std::nullopt);
  EXPECT_GT(first.sequence, 0);
  EXPECT_GT(later.sequence, first.sequence);
  const Published again = publish({.body = "x", .group = "g"});
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_THAT(held("a.fifo"), ElementsAre(std::to_string(first.sequence) + "x"));
  EXPECT_EQ(waiting(), 1);
}

TEST_F(PublisherTest, WaitsBehindWhatWaits) {
  create_topic();
  subscribe("a");
  write({.body = "x"}, std::nullopt);
  publish({.body = "y"});
  EXPECT_THAT(held("a"), ElementsAre());
  EXPECT_EQ(waiting(), 2);
}

TEST_F(PublisherTest, WaitsWhereTheSubscribersAreNoMoreWhatTheyWere) {
  create_topic();
  const std::string id = subscribe("a");
  using Step = std::function<Result<>(store::Transaction&)>;
  const Step steps[] = {
      [&](store::Transaction& tx) { return topics_.change_settings(tx, topic_, {}); },
      [&](store::Transaction& tx) {
        return topics_.change_subscription(tx, id, {.form = MessageForm::bare});
      },
      [&](store::Transaction& tx) { return topics_.unsubscribe(tx, id); },
      [&](store::Transaction& tx) -> Result<> {
        topics_.remove(tx, topic_);
        TRY_DO(topics_.create(tx, topic_, {}, clock_.moment()));
        return {};
      }};
  std::int64_t published = 0;
  for (const Step& step : steps) {
    const auto ahead = copy({.body = "x"});
    change(step);
    write({.body = "x"}, ahead);
    EXPECT_THAT(held("a"), ElementsAre());
    published = waiting();
    EXPECT_EQ(published, 1);
    change([](store::Transaction& tx) -> Result<> {
      tx.run("DELETE FROM events_notification");
      return {};
    });
  }
}

TEST_F(PublisherTest, LeavesManySubscribersAndLargeCopiesToTheDeliverer) {
  create_topic();
  for (std::size_t i = 0; i < copies_at_once_max; ++i) subscribe("q" + std::to_string(i));
  EXPECT_TRUE(copy({.body = "x"}));
  EXPECT_FALSE(copy({.body = std::string(copied_bytes_at_once_max / 15, 'x')}));
  subscribe("one more");
  EXPECT_FALSE(publisher_->audience(topic_));
  publish({.body = "x"});
  EXPECT_EQ(waiting(), 1);
}

TEST_F(PublisherTest, CountsAllThatACopyHolds) {
  create_topic();
  for (std::size_t i = 0; i < copies_at_once_max; ++i)
    subscribe("q" + std::to_string(i), {.form = MessageForm::bare});
  const Attribute large{.name = "a", .value = std::string(copied_bytes_at_once_max / 15, 'x')};
  EXPECT_TRUE(copy({.body = "x", .attributes = {{.name = "a", .value = "y"}}}));
  EXPECT_FALSE(copy({.body = "x", .attributes = {large}}));
}

TEST_F(PublisherTest, CountsTheEnvelopesThatItIsYetToMake) {
  create_topic(DeliveryOrder::strict);
  for (std::size_t i = 0; i < copies_at_once_max; ++i)
    subscribe(fmt::format("q{}.fifo", i), {}, Channel::queue, DeliveryOrder::strict);
  EXPECT_TRUE(copy({.body = "x", .group = "g"}));
  EXPECT_FALSE(copy({.body = std::string(copied_bytes_at_once_max / 15, 'x'), .group = "g"}));
}

TEST_F(PublisherTest, MakesNoMoreCopiesAheadThanMayWait) {
  create_topic();
  for (std::size_t i = 0; i < 4; ++i) subscribe("q" + std::to_string(i));
  const Notification large{.body = std::string(copied_bytes_at_once_max / 5, 'x')};
  std::vector<Publisher::Ahead> waiting;
  while (waiting.size() < 100) {
    auto next = copy(large);
    if (!next) break;
    waiting.push_back(*std::move(next));
  }
  const std::size_t half = copied_bytes_waiting_max / 2 / (4 * large.body.size());
  EXPECT_LE(waiting.size(), half);
  EXPECT_GE(waiting.size(), half - 1);
  write(large, &waiting.back());
  waiting.pop_back();
  EXPECT_TRUE(copy(large));
}

}  // namespace
}  // namespace slipway::events
