#include "engine/events/http_deliveries.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/test_folder.h"

namespace slipway::events {
namespace {

using namespace std::chrono_literals;

// A sender that the test answers for.
class HeldSender final : public HttpSender {
 public:
  void on_report(std::function<void(DeliveryReport)>) override {}
  void send(DeliveryTask task) override { under_way.push_back(std::move(task)); }
  std::size_t count(std::string_view subscription) const {
    return static_cast<std::size_t>(
        std::ranges::count(under_way, subscription, &DeliveryTask::subscription));
  }

  std::vector<DeliveryTask> under_way;
};

class HttpDeliveriesTest : public ::testing::Test {
 protected:
  HttpDeliveriesTest() {
    store_ = store::Store::open(folder_ / "store.db", migrations()).value();
    loop_.emplace(*store_, clock_, changes_);
    deliveries_.emplace(topics_, queues_, sender_, *loop_,
                        [this](const Queue&, const TopicId&) { return admission_; });
    loop_->add(*deliveries_);
    change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(topics_.create(tx, topic_, {}, clock_.moment()));
      return {};
    });
  }

  void change(const std::function<Result<>(store::Transaction&)>& change) {
    const Result<> outcome = store_->write(change);
    EXPECT_TRUE(outcome) << outcome.error().message;
  }
  Subscription subscribe(const std::string& url,
                         Subscription::State state = Subscription::State::confirmed) {
    Subscription out;
    change([&](store::Transaction& tx) -> Result<> {
      TRY(out, topics_.subscribe(
                   tx,
                   {.topic = topic_,
                    .channel = Channel::http,
                    .endpoint = url,
                    .state = state,
                    .settings = {.http = {.retry = RetryPolicy{.retries = 100, .at_once = 100}}}},
                   clock_.moment()));
      return {};
    });
    return out;
  }
  void add(const Subscription& subscription, int count) {
    change([&](store::Transaction& tx) -> Result<> {
      for (int i = 0; i < count; ++i)
        add_delivery(tx, subscription, {.head = {}, .body = "note"}, clock_.moment());
      return {};
    });
    deliveries_->wake(subscription.id);
  }
  void settle() {
    while (loop_->step() > 0) {
    }
  }
  // Ends every request under way to `subscription`.
  void report(const Subscription& subscription, int status) {
    std::vector<DeliveryTask> tasks;
    std::erase_if(sender_.under_way, [&](DeliveryTask& task) {
      if (task.subscription != subscription.id) return false;
      tasks.push_back(task);
      return true;
    });
    for (const DeliveryTask& task : tasks)
      deliveries_->observe(
          {.seq = task.seq, .subscription = task.subscription, .status = status, .why = "hangs"});
    settle();
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  ManualClock clock_;
  SeededRandom random_{1};
  Topics topics_{random_};
  engine::Changes changes_{clock_};
  Queues queues_{random_, changes_};
  Admission admission_ = Admission::granted;  // of queues for dead letters
  HeldSender sender_;
  std::optional<engine::ReconcilerLoop> loop_;
  std::optional<HttpDeliveries> deliveries_;
  const TopicId topic_{"000000000000/us-east-1/news"};
};

TEST_F(HttpDeliveriesTest, ASubscriptionHasOneRequestUnderWayUntilItAnswersAndThenAFew) {
  const Subscription subscription = subscribe("http://a/");
  add(subscription, 10);
  settle();
  EXPECT_EQ(sender_.under_way.size(), 1u);
  report(subscription, 200);
  EXPECT_EQ(sender_.under_way.size(), deliveries_under_way_max);
  report(subscription, 0);
  EXPECT_EQ(sender_.under_way.size(), 1u);
}

TEST_F(HttpDeliveriesTest, ASubscriberGetsOnlySoManyRequestsASecondAsItWants) {
  const Subscription subscription = subscribe("http://a/");
  change([&](store::Transaction& tx) {
    return topics_.change_settings(tx, topic_, {.http = {.per_second = 3}});
  });
  add(subscription, 7);
  const auto taken_in_a_second = [&] {
    settle();
    int taken = 0;
    for (; sender_.count(subscription.id) > 0; report(subscription, 200))
      taken += static_cast<int>(sender_.count(subscription.id));
    return taken;
  };
  EXPECT_EQ(taken_in_a_second(), 3);
  clock_.advance(999ms);
  EXPECT_EQ(taken_in_a_second(), 0);
  clock_.advance(1ms);
  EXPECT_EQ(taken_in_a_second(), 3);
  clock_.advance(1s);
  EXPECT_EQ(taken_in_a_second(), 1);
}

TEST_F(HttpDeliveriesTest, ATopicsPolicyHoldsWhereASubscriptionSaysNothingOrMayNot) {
  const SubscriptionSettings own{.http = {.retry = RetryPolicy{.retries = 1, .at_once = 1}}};
  TopicSettings topic{
      .http = {.retry = RetryPolicy{.retries = 2, .at_once = 2}, .content_type = "text/csv"}};
  EXPECT_EQ(effective_policy(topic, {}), topic.http);
  EXPECT_EQ(effective_policy(topic, own).retry, own.http.retry);
  EXPECT_EQ(effective_policy(topic, own).content_type, "text/csv");
  topic.overrides = TopicSettings::Overrides::ignored;
  EXPECT_EQ(effective_policy(topic, own), topic.http);
}

TEST_F(HttpDeliveriesTest, WhoHasNotConfirmedIsAskedOnceWhateverItAnswers) {
  for (const int status : {0, 200, 429, 500}) {
    const Subscription pending =
        subscribe(fmt::format("http://stranger/{}", status), Subscription::State::pending);
    add(pending, 1);
    settle();
    ASSERT_EQ(sender_.count(pending.id), 1u);
    report(pending, status);
    clock_.advance(24h);
    settle();
    EXPECT_EQ(sender_.count(pending.id), 0u) << status;
  }
}

TEST_F(HttpDeliveriesTest, DeadLettersGoOnlyIntoAQueueThatTakesThem) {
  const QueueId dead{"000000000000/us-east-1/dead"};
  Subscription subscription;
  change([&](store::Transaction& tx) -> Result<> {
    TRY_DO(queues_.create(tx, dead, {}, clock_.moment()));
    TRY(subscription, topics_.subscribe(tx,
                                        {.topic = topic_,
                                         .channel = Channel::http,
                                         .endpoint = "http://a/",
                                         .state = Subscription::State::confirmed,
                                         .settings = {.dead_letters = dead}},
                                        clock_.moment()));
    return {};
  });
  const auto refused_letters = [&](Admission admission) {
    admission_ = admission;
    add(subscription, 1);
    settle();
    report(subscription, 403);
    return *store_->read([&](store::Transaction& tx) -> Result<std::int64_t> {
      auto rows = tx.query("SELECT count(*) FROM events_message");
      rows.next();
      return rows.integer(0);
    });
  };
  EXPECT_EQ(refused_letters(Admission::refused), 0);
  EXPECT_EQ(refused_letters(Admission::granted), 1);
}

TEST_F(HttpDeliveriesTest, SubscriptionsThatHangDelayNoneThatAnswers) {
  const Subscription good = subscribe("http://good/");
  add(good, 1);
  settle();
  report(good, 200);
  std::vector<Subscription> hanging;
  for (std::size_t i = 0; i < 2 * delivery_slots_max; ++i)
    hanging.push_back(subscribe("http://hangs/" + std::to_string(i)));
  for (const Subscription& each : hanging) add(each, 5);
  settle();
  EXPECT_EQ(sender_.under_way.size(), doubtful_slots_max);
  add(good, 3);
  settle();
  EXPECT_EQ(sender_.count(good.id), 3u);
}

TEST_F(HttpDeliveriesTest, ASlotThatIsFreeGoesToWhoWaitsLongest) {
  std::vector<Subscription> all;
  for (std::size_t i = 0; i < doubtful_slots_max + 2; ++i)
    all.push_back(subscribe("http://hangs/" + std::to_string(i)));
  for (const Subscription& each : all) add(each, 2);
  settle();
  const Subscription& first_in_line = all[doubtful_slots_max];
  EXPECT_EQ(sender_.count(first_in_line.id), 0u);
  report(all[0], 0);
  EXPECT_EQ(sender_.count(first_in_line.id), 1u);
  EXPECT_EQ(sender_.count(all[0].id), 0u);
  EXPECT_EQ(sender_.under_way.size(), doubtful_slots_max);
}

TEST_F(HttpDeliveriesTest, EveryDeliveryComesOnceHoweverTheSlotsAreShared) {
  std::vector<Subscription> all;
  for (int i = 0; i < 300; ++i) all.push_back(subscribe("http://s/" + std::to_string(i)));
  for (const Subscription& each : all) add(each, 7);
  settle();
  std::set<std::int64_t> delivered;
  while (!sender_.under_way.empty()) {
    EXPECT_LE(sender_.under_way.size(), delivery_slots_max);
    const std::size_t at = below(random_, sender_.under_way.size());
    const DeliveryTask task = sender_.under_way[at];
    sender_.under_way.erase(sender_.under_way.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_TRUE(delivered.insert(task.seq).second);
    deliveries_->observe({.seq = task.seq, .subscription = task.subscription, .status = 200});
    settle();
  }
  EXPECT_EQ(delivered.size(), 2100u);
}

TEST_F(HttpDeliveriesTest, NothingIsRememberedOfASubscriptionThatHasAllOrIsGone) {
  for (int i = 0; i < 20; ++i) {
    const Subscription subscription = subscribe("http://a/" + std::to_string(i));
    add(subscription, 2);
    settle();
    if (i % 2 == 0)
      change([&](store::Transaction& tx) { return topics_.unsubscribe(tx, subscription.id); });
    while (!sender_.under_way.empty()) report(subscription, 200);
  }
  EXPECT_EQ(deliveries_->remembered(), 0u);
}

}  // namespace
}  // namespace slipway::events
