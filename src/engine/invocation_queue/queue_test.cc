#include "engine/invocation_queue/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/invocation_queue/queue_simulation.h"

namespace slipway::invocation_queue {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr auto long_time = std::chrono::hours(6);

TEST(InvocationQueue, AnAnswerBecomesTheObjectAndTheRowAndTheAnnouncementGoWithIt) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("a", long_time));
  world.settle();
  ASSERT_EQ(world.instances().under_way.size(), 1u);
  EXPECT_EQ(world.backlog()->requests, 1u);
  world.instances().answer(0, 200);
  world.settle();
  EXPECT_EQ(world.text("a"), "answer to a");
  EXPECT_THAT(world.announced()["a"], ElementsAre("completed"));
  EXPECT_EQ(world.backlog()->requests, 0u);
}

TEST(InvocationQueue, WhatAnInstanceRefusesStandsAsItsFailureAndIsNotSentAgain) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("a", long_time));
  world.settle();
  world.instances().answer(0, 500);
  world.move_on(10s);
  EXPECT_EQ(world.text("a-error"), "answer to a");
  EXPECT_EQ(world.text("a"), "(none)");
  EXPECT_THAT(world.announced()["a"], ElementsAre("refused"));
  EXPECT_EQ(world.instances().seen["a"], 1u);
}

TEST(InvocationQueue, WithoutInstancesItKeepsWhatItHasAndSendsItWhenTheyCome) {
  QueueWorld world(1);
  world.put_queue(2);
  world.instances().instances = 0;
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(world.accept(key, long_time));
  world.move_on(60s);
  EXPECT_TRUE(world.instances().under_way.empty());
  world.instances().instances = 1;
  world.requests().look_again();
  world.settle();
  ASSERT_EQ(world.instances().under_way.size(), 2u);
  EXPECT_EQ(world.instances().under_way[0].delivery.request.output.key, "a");
  EXPECT_EQ(world.instances().under_way[1].delivery.request.output.key, "b");
}

// Generation 1 serves; 2 comes to nothing; 3 serves after it.
TEST(InvocationQueue, SettingsOfAGenerationCountFromWhenItServesAndNotWhereItNeverDoes) {
  QueueWorld world(1);
  world.put_queue(1);
  routing::RouteTable routes;
  const auto serve = [&](routing::Generation generation) {
    auto route = std::make_shared<routing::GenerationRoute>();
    route->generation = generation;
    auto fleet = std::make_shared<routing::FleetRoute>();
    fleet->legs.push_back({.share = 1, .route = std::move(route)});
    routes.publish({std::string(simulated_fleet)}, std::move(fleet));
  };
  const auto note = [&](routing::Generation generation, std::uint32_t concurrency) {
    world.change([&](store::Transaction& tx) {
      return InvocationQueues([](InvocationQueueId) {})
          .put_next(tx, simulated_fleet,
                    {.generation = generation, .settings = {.concurrency = concurrency}});
    });
  };
  const auto concurrency = [&] {
    std::uint32_t now = 0;
    world.change([&](store::Transaction& tx) -> Result<> {
      now = InvocationQueues::find_current(tx, simulated_fleet, routes)->settings.concurrency;
      return {};
    });
    return now;
  };
  note(2, 20);
  EXPECT_EQ(concurrency(), 1U) << "nothing is known of routes";
  serve(1);
  EXPECT_EQ(concurrency(), 1U);
  note(3, 30);
  EXPECT_EQ(concurrency(), 1U);
  serve(3);
  note(4, 40);
  EXPECT_EQ(concurrency(), 30U) << "what is noted behind it does not hide it";
  EXPECT_EQ(concurrency(), 30U);
}

TEST(InvocationQueue, ThoseForWhomResultsAreStoredAreKeptAsTheyWereGiven) {
  QueueWorld world(1);
  using Writers = std::optional<std::vector<std::string>>;
  for (const Writers& given :
       {Writers({"", "caller:x", "role:y"}), Writers({""}), Writers(std::in_place), Writers()}) {
    world.change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(InvocationQueues([](InvocationQueueId) {
             }).put(tx, simulated_fleet, {.concurrency = 1, .writers = given}));
      EXPECT_EQ(InvocationQueues::find(tx, simulated_fleet)->settings.writers, given);
      return {};
    });
  }
}

TEST(InvocationQueue, ARequestThatWaitedLongerThanItsTimeExpiresAndIsNeverSent) {
  QueueWorld world(1);
  world.put_queue(1);
  world.instances().instances = 0;
  ASSERT_TRUE(world.accept("long", long_time));
  ASSERT_TRUE(world.accept("short", 60s));
  world.settle();
  world.clock().advance(60s - 1us);
  world.settle();
  EXPECT_TRUE(world.announced().empty());
  world.move_on(1s);
  EXPECT_THAT(world.announced()["short"], ElementsAre("expired"));
  EXPECT_EQ(world.text("short-error"), "expired");
  EXPECT_EQ(world.backlog()->requests, 1u);
  EXPECT_EQ(world.instances().seen.count("short"), 0u);
}

TEST(InvocationQueue, ARequestUnderWhichInstancesEndIsGivenUpAfterTheThird) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("a", long_time));
  for (unsigned i = 0; i < deliveries_max; ++i) {
    world.settle();
    ASSERT_EQ(world.instances().under_way.size(), 1u) << i;
    world.instances().fail(0, DeliveryError::broken);
    world.move_on(delivery_retry_delay);
  }
  world.move_on(10s);
  EXPECT_THAT(world.announced()["a"], ElementsAre("broken"));
  EXPECT_EQ(world.instances().seen["a"], deliveries_max);
}

std::vector<std::string> under_way(QueueWorld& world) {
  std::vector<std::string> keys;
  for (const auto& each : world.instances().under_way)
    keys.push_back(each.delivery.request.output.key);
  return keys;
}

bool is_under_way(QueueWorld& world, const std::string& key) {
  return std::ranges::count(under_way(world), key) > 0;
}

TEST(InvocationQueue, ARequestUnderWhichAnInstanceEndedLetsItsNeighboursGoFirst) {
  QueueWorld world(1);
  world.put_queue(1);
  for (const char* key : {"poison", "a", "b"}) ASSERT_TRUE(world.accept(key, long_time));
  world.settle();
  world.instances().fail(0, DeliveryError::broken);
  world.instances().instances = 0;  // until it is started again
  world.move_on(2 * delivery_retry_delay);
  world.instances().instances = 1;
  world.requests().look_again();
  world.settle();
  for (const char* key : {"a", "b"}) {
    EXPECT_THAT(under_way(world), ElementsAre(key));
    world.instances().answer(0, 200);
    world.settle();
  }
  EXPECT_THAT(under_way(world), ElementsAre("poison"));
}

TEST(InvocationQueue, ARequestUnderWhichAnInstanceEndedHasItsTurnAlthoughOthersKeepComing) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("suspect", long_time));
  ASSERT_TRUE(world.accept("r0", long_time));
  world.settle();
  world.instances().fail(0, DeliveryError::broken);
  world.move_on(delivery_retry_delay);
  int tries = 0;
  while (under_way(world) != std::vector<std::string>{"suspect"} && tries < 100) {
    ASSERT_TRUE(world.accept("r" + std::to_string(++tries), long_time));
    world.clock().advance(1s);
    world.instances().answer(0, 200);
    world.settle();
  }
  EXPECT_NEAR(tries, suspect_patience.count(), 2);
}

// One request ends every instance that it comes to, and all that it has under way.
TEST(InvocationQueue, ARequestThatEndsItsInstancesTakesNoneOfItsNeighboursWithIt) {
  constexpr unsigned concurrency = 16;
  constexpr unsigned requests = 100;
  QueueWorld world(1);
  world.put_queue(concurrency);
  for (unsigned i = 0; i < requests; ++i)
    ASSERT_TRUE(world.accept(i == 3 ? "poison" : "r" + std::to_string(i), long_time));
  for (int i = 0; i < 1000 && world.backlog()->requests > 0; ++i) {
    world.move_on(delivery_retry_delay);
    auto& instances = world.instances();
    while (!instances.under_way.empty() && !is_under_way(world, "poison")) {
      instances.answer(0, 200);
      world.settle();
    }
    while (!instances.under_way.empty()) instances.fail(0, DeliveryError::broken);
  }
  auto announced = world.announced();
  ASSERT_EQ(announced.size(), requests);
  for (const auto& [key, outcomes] : announced)
    EXPECT_THAT(outcomes, ElementsAre(key == "poison" ? "broken" : "completed")) << key;
  EXPECT_EQ(world.instances().seen["poison"], deliveries_max);
}

TEST(InvocationQueue, WhatNoInstanceTookIsSentAgainUntilOneDoes) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("a", long_time));
  for (unsigned i = 0; i < 10; ++i) {
    world.settle();
    ASSERT_EQ(world.instances().under_way.size(), 1u) << i;
    world.instances().fail(0, DeliveryError::unavailable);
    world.move_on(delivery_retry_delay);
  }
  world.settle();
  world.instances().answer(0, 200);
  world.settle();
  EXPECT_THAT(world.announced()["a"], ElementsAre("completed"));
}

TEST(InvocationQueue, AClosedQueueFailsWhatWaitsAndLetsWhatIsUnderWayEnd) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("sent", long_time));
  ASSERT_TRUE(world.accept("waits", long_time));
  world.settle();
  world.close_queue();
  world.settle();
  EXPECT_FALSE(world.accept("late", long_time));
  EXPECT_THAT(world.announced()["waits"], ElementsAre("closed"));
  world.instances().answer(0, 200);
  world.settle();
  EXPECT_THAT(world.announced()["sent"], ElementsAre("completed"));
  EXPECT_FALSE(world.backlog());
}

TEST(InvocationQueue, AMissingInputAndAMissingBucketFailTheRequestAlone) {
  QueueWorld world(1);
  world.put_queue(8);
  ASSERT_TRUE(world.accept("a", long_time, objects::ObjectName{.bucket = "box", .key = "not"}));
  ASSERT_TRUE(world.accept("b", long_time));
  world.settle();
  EXPECT_THAT(world.announced()["a"], ElementsAre("no_input"));
  ASSERT_EQ(world.instances().under_way.size(), 1u);
  world.instances().answer(0, 200);
  world.settle();
  EXPECT_THAT(world.announced()["b"], ElementsAre("completed"));
}

TEST(InvocationQueue, AnInputThatMayNotBeReadAnyMoreFailsTheRequest) {
  QueueWorld world(1);
  world.put_queue(1);
  world.door().closed = "input";
  ASSERT_TRUE(world.accept("a", long_time, objects::ObjectName{.bucket = "box", .key = "input"}));
  world.settle();
  EXPECT_THAT(world.announced()["a"], ElementsAre("no_input"));
  EXPECT_TRUE(world.instances().under_way.empty());
}

TEST(InvocationQueue, AResultThatMayNotBeStoredAnyMoreIsAFailure) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("a", long_time));
  world.settle();
  world.door().closed = "a";
  world.instances().answer(0, 200);
  world.settle();
  EXPECT_EQ(world.text("a"), "(none)");
  EXPECT_EQ(world.text("a-error"), "no_output");
  EXPECT_THAT(world.announced()["a"], ElementsAre("no_output"));
}

TEST(InvocationQueue, AFailureIsStoredOnlyWhereItMayBe) {
  QueueWorld world(1);
  world.put_queue(1);
  ASSERT_TRUE(world.accept("a", long_time));
  world.settle();
  world.door().closed = "a-error";
  world.instances().answer(0, 500);
  world.settle();
  EXPECT_EQ(world.text("a-error"), "(none)");
  EXPECT_THAT(world.announced()["a"], ElementsAre("refused"));
}

TEST(InvocationQueue, ARequestAcceptedAfterOneWithoutInputIsSent) {
  QueueWorld world(1);
  world.put_queue(1);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(world.accept("bad" + std::to_string(i), long_time,
                             objects::ObjectName{.bucket = "box", .key = "not"}));
  world.settle();
  ASSERT_TRUE(world.accept("good", long_time));
  world.settle();
  EXPECT_EQ(world.instances().under_way.size(), 1u);
}

// Requests, answers, failed deliveries, scaling, passing time, crashes, and commits that are lost
// and slow, in an order that the seed chooses.
class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : world_(seed) {
    world_.put_queue(concurrency);
    const bool loses = world_.below(2) == 0;
    const bool is_slow = world_.below(2) == 0;
    world_.commit_faults().set({.lost = loses ? static_cast<double>(world_.below(40)) / 100 : 0,
                                .slow_max = std::chrono::milliseconds(is_slow ? 40'000 : 0)});
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (world_.below(2) == 0) world_.settle();
      // What was started under an earlier count of instances may still be under way.
      EXPECT_LE(world_.instances().under_way_max, concurrency * instances_max_);
    }
    drain();
  }
  void check() {
    auto announced = world_.announced();
    auto objects = world_.objects();
    for (const std::string& key : accepted_) {
      ASSERT_EQ(announced[key].size(), 1u) << key << " was settled so often";
      const bool completed = announced[key].front() == "completed";
      EXPECT_EQ(objects[key], completed ? 1u : 0u) << key;
      EXPECT_EQ(objects[key + "-error"], completed ? 0u : 1u) << key;
      if (completed) EXPECT_EQ(world_.text(key), "answer to " + key);
    }
    EXPECT_EQ(announced.size(), accepted_.size());
    EXPECT_EQ(world_.backlog()->requests, 0u);
  }

 private:
  static constexpr std::uint32_t concurrency = 3;

  void step() {
    auto& instances = world_.instances();
    switch (world_.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: return accept();
      case 4:
      case 5:
      case 6: return finish_one();
      case 7: {
        instances.instances = world_.below(3);
        instances_max_ = std::max(instances_max_, instances.instances);
        return world_.requests().look_again();
      }
      case 9: {  // somebody sets the machine's clock
        const auto by = std::chrono::hours(static_cast<int>(world_.below(2'000)) - 1'000);
        return world_.clock().set_civil_by(by);
      }
      case 8: return world_.move_on(std::chrono::seconds(world_.below(40)));
      case 10: {
        world_.door().broken = true;
        return;
      }
      default: {
        const std::size_t count = instances.instances;
        world_.restart();
        world_.instances().instances = count;
      }
    }
  }
  void accept() {
    const std::string key = "r" + std::to_string(accepted_.size());
    const std::chrono::seconds ttl(60 + static_cast<int>(world_.below(100)));
    ASSERT_TRUE(world_.accept(key, ttl));
    accepted_.insert(key);
  }
  void finish_one() {
    auto& instances = world_.instances();
    if (instances.under_way.empty()) return;
    const std::size_t index = world_.below(instances.under_way.size());
    switch (world_.below(8)) {
      case 0: return instances.answer(index, 503);
      case 1: return instances.fail(index, DeliveryError::broken);
      case 2: return instances.fail(index, DeliveryError::unavailable);
      case 3: return instances.fail(index, DeliveryError::timeout);
      default: return instances.answer(index, 200);
    }
  }
  // With an instance that answers, everything ends.
  void drain() {
    world_.commit_faults().set({});
    world_.instances().instances = 1;
    instances_max_ = std::max<std::size_t>(instances_max_, 1);
    world_.requests().look_again();
    for (int i = 0; i < 10'000 && world_.backlog()->requests > 0; ++i) {
      world_.move_on(1s);
      while (!world_.instances().under_way.empty()) world_.instances().answer(0, 200);
      world_.settle();
    }
  }

  QueueWorld world_;
  std::set<std::string> accepted_;
  std::size_t instances_max_ = 1;
};

TEST(InvocationQueue, OverCrashesBetweenAnyTwoStepsNothingIsLostAndNothingIsDoneTwice) {
  const char* count = std::getenv("SLIPWAY_SEEDS");
  const std::uint64_t last = count ? std::stoull(count) : 40;
  for (std::uint64_t seed = 1; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    chaos.run(150);
    chaos.check();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace slipway::invocation_queue
