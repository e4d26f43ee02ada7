#include "engine/events/deliverer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <stdexcept>

#include "base/test_folder.h"

namespace slipway::events {
namespace {

// Wraps a message in nothing; ends the server at the call that it is told.
class CountingEnvelope final : public Envelope {
 public:
  std::string wrap(const PublishedNotification& published, const Subscription&) override {
    if (++calls_ == ends_at) {
      ended = true;
      throw std::runtime_error("the server ends");
    }
    wrapped.push_back(published.topic);
    return published.notification.body;
  }
  Attribute trace(const std::string& trace) const override { return {.name = trace}; }
  HttpDelivery http(const PublishedNotification&, const Subscription&) override { return {}; }
  HttpDelivery confirmation(const Subscription&, Timestamp) override { return {}; }

  int ends_at = 0;  // 0: never
  bool ended = false;
  std::vector<TopicId> wrapped;

 private:
  int calls_ = 0;
};

class Delivering : public ::testing::Test {
 protected:
  Delivering() { store_ = store::Store::open(folder_ / "store.db", migrations()).value(); }

  void change(const std::function<Result<>(store::Transaction&)>& change) {
    const Result<> outcome = store_->write(change);
    EXPECT_TRUE(outcome) << outcome.error().message;
  }
  void create_topic(const TopicId& topic, int subscribers) {
    change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(topics_.create(tx, topic, {}, clock_.moment()));
      for (int i = 0; i < subscribers; ++i) {
        const QueueId queue{topic.text + "-" + std::to_string(i)};
        TRY_DO(queues_.create(tx, queue, {}, clock_.moment()));
        TRY_DO(topics_.subscribe(
            tx, {.topic = topic, .endpoint = queue.text, .state = Subscription::State::confirmed},
            clock_.moment()));
      }
      return {};
    });
  }
  void publish(const TopicId& topic, const std::string& body) {
    change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(topics_.publish(tx, topic, {.body = body}, clock_.moment()));
      return {};
    });
  }
  // A server's deliverer works until all is delivered, or until the server ends.
  void deliver(CountingEnvelope& envelope) {
    WorkerPool workers(1);
    Deliverer deliverer({.store = *store_,
                         .queues = queues_,
                         .topics = topics_,
                         .envelope = envelope,
                         .clock = clock_,
                         .workers = workers,
                         .wake_http = [](const std::string&) {},
                         .admission =
                             [this](const Queue& queue, const TopicId&) {
                               return closed_.contains(queue.id) ? Admission::refused
                                                                 : Admission::granted;
                             }});
    deliverer.wake();
    while (!envelope.ended && count("SELECT count(*) FROM events_notification") > 0) {
      std::latch turn(1);
      workers.post([&] { turn.count_down(); });
      turn.wait();
    }
    workers.stop();
  }
  std::int64_t count(std::string_view sql) {
    return *store_->read([&](store::Transaction& tx) -> Result<std::int64_t> {
      auto rows = tx.query(sql);
      rows.next();
      return rows.integer(0);
    });
  }
  // What each queue holds, its messages in their order.
  std::map<std::int64_t, std::string> held() {
    std::map<std::int64_t, std::string> out;
    (void)store_->read([&](store::Transaction& tx) -> Result<> {
      auto rows = tx.query(
          "SELECT m.box, t.body FROM events_message m JOIN events_text t ON t.seq = m.seq "
          "ORDER BY m.seq");
      while (rows.next()) out[rows.integer(0)] += rows.text(1);
      return {};
    });
    return out;
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  ManualClock clock_;
  SeededRandom random_{1};
  engine::Changes changes_{clock_};
  Queues queues_{random_, changes_};
  Topics topics_{random_};
  std::set<QueueId> closed_;  // queues that take nothing of topics
  const TopicId news_{"000000000000/us-east-1/news"};
  const TopicId other_{"000000000000/us-east-1/other"};
};

TEST_F(Delivering, ToManySubscribersIsDoneInPiecesAndNoneIsLostOrDoubledWhereverTheServerEnds) {
  constexpr int subscribers = static_cast<int>(2 * subscribers_per_batch_max) + 500;
  create_topic(news_, subscribers);
  constexpr auto piece = static_cast<int>(subscribers_per_batch_max);
  for (const int ends_at : {1, piece, piece + 1, 2 * piece + 1, subscribers + 1, 2 * subscribers}) {
    publish(news_, "a");
    publish(news_, "b");
    CountingEnvelope envelope;
    envelope.ends_at = ends_at;
    deliver(envelope);
    ASSERT_TRUE(envelope.ended) << ends_at;
    const std::int64_t durable = count("SELECT count(*) FROM events_message");
    EXPECT_LT(durable, ends_at);
    EXPECT_GE(durable, ends_at - piece) << "what was done before was done in one change";
    CountingEnvelope next;
    deliver(next);
    const auto boxes = held();
    ASSERT_EQ(boxes.size(), subscribers) << ends_at;
    for (const auto& [box, bodies] : boxes) ASSERT_EQ(bodies, "ab") << ends_at;
    change([&](store::Transaction& tx) -> Result<> {
      tx.run("DELETE FROM events_message");
      return {};
    });
  }
}

TEST_F(Delivering, ATopicWithManySubscribersTakesTurnsWithTheOthers) {
  create_topic(news_, 2 * static_cast<int>(subscribers_per_batch_max));
  create_topic(other_, 1);
  publish(news_, "a");
  publish(other_, "b");
  CountingEnvelope envelope;
  deliver(envelope);
  const auto turn = std::ranges::find(envelope.wrapped, other_) - envelope.wrapped.begin();
  EXPECT_LE(static_cast<std::size_t>(turn), subscribers_per_batch_max);
}

TEST_F(Delivering, ABatchOfLargeMessagesIsBounded) {
  create_topic(news_, 40);
  publish(news_, std::string(1 << 20, 'x'));
  CountingEnvelope envelope;
  envelope.ends_at = 20;
  deliver(envelope);
  EXPECT_GT(count("SELECT count(*) FROM events_message"), 0);
  CountingEnvelope next;
  deliver(next);
  EXPECT_EQ(count("SELECT count(*) FROM events_message"), 40);
}

TEST_F(Delivering, DeadLettersGoOnlyIntoAQueueThatTakesThem) {
  const QueueId subscriber{"000000000000/us-east-1/subscriber"};
  const QueueId dead{"000000000000/us-east-1/dead"};
  change([&](store::Transaction& tx) -> Result<> {
    TRY_DO(topics_.create(tx, news_, {}, clock_.moment()));
    for (const QueueId& queue : {subscriber, dead})
      TRY_DO(queues_.create(tx, queue, {}, clock_.moment()));
    TRY_DO(topics_.subscribe(tx,
                             {.topic = news_,
                              .endpoint = subscriber.text,
                              .state = Subscription::State::confirmed,
                              .settings = {.dead_letters = dead}},
                             clock_.moment()));
    return {};
  });
  CountingEnvelope envelope;
  closed_ = {subscriber, dead};
  publish(news_, "a");
  deliver(envelope);
  EXPECT_TRUE(held().empty());
  closed_ = {subscriber};
  publish(news_, "b");
  deliver(envelope);
  const auto boxes = held();
  ASSERT_EQ(boxes.size(), 1U);
  EXPECT_EQ(boxes.begin()->second, "b");
}

}  // namespace
}  // namespace slipway::events
