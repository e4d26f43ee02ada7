#include <gtest/gtest.h>

#include <thread>

#include "engine/routing/router_fixture.h"

namespace slipway::routing {
namespace {

using namespace std::chrono_literals;

TEST_F(RouterTest, ARequestGoesOverTheFramedLinkAndItsAnswerComesBackWhole) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  const TestOutcome outcome = ask({.fleet = fleet,
                                   .body = "1,2,3",
                                   .headers = {{"X-Amzn-SageMaker-Custom-Attributes", "trace=7"}}});
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.body, "1,2,3");
  EXPECT_EQ(outcome.content_type, "text/csv");
  EXPECT_EQ(outcome.header("x-got-accept"), "application/json");
  EXPECT_EQ(outcome.header("x-got-X-Amzn-SageMaker-Custom-Attributes"), "trace=7");
  EXPECT_EQ(outcome.variant, "main");
  EXPECT_EQ(of("a", &TestInstance::by_link), 1);
}

TEST_F(RouterTest, ALargeBodyAndAnInstanceWithoutALinkAreServedByHttp) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}},
           {.name = "plain", .weight = 0, .instances = {add_instance("b", Ways::http_only)}}});
  const std::string large(25 << 20, 'x');
  const TestOutcome all = ask({.fleet = fleet, .body = large, .target_variant = "main"});
  EXPECT_TRUE(all.body == large) << all.body.size() << " bytes came back: " << all.detail;
  EXPECT_EQ(of("a", &TestInstance::by_http), 1);
  const TestOutcome outcome = ask({.fleet = fleet, .body = "small", .target_variant = "plain"});
  EXPECT_EQ(outcome.body, "small");
  EXPECT_EQ(outcome.content_type, "text/csv");
  EXPECT_EQ(outcome.header("content-length"), "");
}

TEST_F(RouterTest, AnInstancesOwnErrorIsPassedUpWithItsStatusAndBody) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  const TestOutcome outcome = ask({.fleet = fleet, .body = "fail"});
  EXPECT_EQ(outcome.status, 400);
  EXPECT_EQ(outcome.body, "a bad shape");
  std::vector<VariantCounters> counters;
  router_loop_.run_and_wait([&] { counters = router_->counters(); });
  ASSERT_EQ(counters.size(), 1U);
  EXPECT_EQ(counters[0].answers_4xx, 1U);
  EXPECT_EQ(counters[0].invocations, 1U);
}

TEST_F(RouterTest, UnknownFleetsAndVariantsAndFleetsThatDoNotServeYetAreToldApart) {
  EXPECT_EQ(ask({.fleet = "nobody", .body = "x"}).failure, InvokeFailure::not_found);
  routes_.publish({"young"}, std::make_shared<FleetRoute>());
  EXPECT_EQ(ask({.fleet = "young", .body = "x"}).failure, InvokeFailure::not_serving);
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  const TestOutcome outcome = ask({.fleet = fleet, .body = "x", .target_variant = "other"});
  EXPECT_EQ(outcome.failure, InvokeFailure::no_such_variant);
  routes_.withdraw({fleet});
  EXPECT_EQ(ask({.fleet = fleet, .body = "x"}).failure, InvokeFailure::not_found);
}

TEST_F(RouterTest, TrafficIsSplitByWeightAndATargetOverridesIt) {
  publish({{.name = "three", .weight = 3, .instances = {add_instance("a")}},
           {.name = "one", .weight = 1, .instances = {add_instance("b")}},
           {.name = "none", .weight = 0, .instances = {add_instance("c")}}});
  for (int i = 0; i < 2000; ++i) send({.fleet = fleet, .body = "who"});
  std::map<std::string, int> counts;
  for (const TestOutcome& outcome : outcomes_->wait(2000)) ++counts[outcome.variant];
  EXPECT_NEAR(counts["three"], 1500, 120);
  EXPECT_NEAR(counts["one"], 500, 120);
  EXPECT_EQ(counts["none"], 0);
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .target_variant = "none"}).body, "c");
}

class RouterTurnTest : public RouterTest {
 protected:
  double most_of_a_turn();
};

// How many of a turn's ten requests the busier of instances "a" and "b" answers, averaged over
// many.
double RouterTurnTest::most_of_a_turn() {
  constexpr int turns = 200;
  constexpr int requests = 10;
  double sum = 0;
  for (int turn = 0; turn < turns; ++turn) {
    const std::size_t before = outcomes_->size();
    router_loop_.run_and_wait([&] {
      for (int i = 0; i < requests; ++i)
        router_->invoke(std::make_unique<TestInvocation>(TestRequest{.fleet = fleet, .body = "who"},
                                                         outcomes_));
    });
    const auto outcomes = outcomes_->wait(before + requests);
    const auto a = std::count_if(outcomes.begin() + static_cast<std::ptrdiff_t>(before),
                                 outcomes.end(), [](const auto& each) { return each.body == "a"; });
    sum += static_cast<double>(std::max<std::ptrdiff_t>(a, requests - a));
  }
  return sum / turns;
}

TEST_F(RouterTurnTest, RequestsThatComeAtOnceGoTogetherWhereTheModelIsQuick) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a"), add_instance("b")}}});
  EXPECT_LT(most_of_a_turn(), 7);  // ten tosses of a coin: 6.2
  const auto set_pace = [this](net::LinkPace pace) {
    instance_loop_.run_and_wait([&] {
      for (auto& [name, instance] : instances_) instance->pace = pace;
    });
    for (int i = 0; i < 20; ++i) ask({.fleet = fleet, .body = "who"});
  };
  set_pace(5);
  EXPECT_LT(most_of_a_turn(), 7);  // no instance gets more than it is through with at once
  set_pace(20);
  const int before = of("a", &TestInstance::by_link);
  EXPECT_GT(most_of_a_turn(), 9);
  EXPECT_NEAR(of("a", &TestInstance::by_link) - before, 1000, 300);  // over time, to each its half
}

TEST_F(RouterTest, LeastOutstandingAvoidsTheBusyInstance) {
  publish({{.name = "main",
            .weight = 1,
            .serving = SingleModelRoute{.balancing = Balancing::least_outstanding},
            .instances = {add_instance("a"), add_instance("b")}}});
  for (int i = 0; i < 4; ++i) send({.fleet = fleet, .body = "slow:500"});
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(of("a", &TestInstance::by_link), 2);
  EXPECT_EQ(of("b", &TestInstance::by_link), 2);
}

TEST_F(RouterTest, ARequestThatIsNotAnsweredInTimeFailsAndTheLinkGoesOn) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}}, 200ms);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ask({.fleet = fleet, .body = "silent"}).failure, InvokeFailure::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_EQ(ask({.fleet = fleet, .body = "still here"}).body, "still here");
}

TEST_F(RouterTest, AnInstanceIsAskedOverHttpAsItsContractSays) {
  publish({{.name = "main",
            .weight = 1,
            .instances = {add_instance("a", Ways::http_only, {"PUT", "/v2/ask"})}}});
  EXPECT_EQ(ask({.fleet = fleet, .body = "x"}).body, "x");
  EXPECT_EQ(of("a", &TestInstance::asked_at), "PUT /v2/ask");
}

// Ten thousand requests, of which each leg gets its share to within one in a hundred.
TEST_F(RouterTest, EachGenerationGetsItsShareOfTheRequests) {
  const auto old = generation(1, {{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  const auto fresh =
      generation(2, {{.name = "main", .weight = 1, .instances = {add_instance("b")}}});
  constexpr int asked = 10'000;
  constexpr int batch = 500;
  int before = 0;
  std::size_t sent = 0;
  for (const double share : {0.1, 0.5, 1.0}) {
    publish_legs({{1 - share, old}, {share, fresh}});
    for (int i = 0; i < asked; i += batch) {
      for (int j = 0; j < batch; ++j, ++sent) send({.fleet = fleet, .body = "x"});
      ASSERT_EQ(outcomes_->wait(sent).size(), sent);
    }
    const int now = of("b", &TestInstance::by_link);
    EXPECT_NEAR(now - before, share * asked, 0.01 * asked) << share;
    before = now;
  }
  for (const TestOutcome& outcome : outcomes_->wait(sent)) ASSERT_EQ(outcome.status, 200);
}

TEST_F(RouterTest, NoRequestIsLostWhileSharesChangeAndTheOldIsDrainedAfterThem) {
  auto old = generation(1, {{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  const auto fresh =
      generation(2, {{.name = "main", .weight = 1, .instances = {add_instance("b")}}});
  std::size_t sent = 0;
  const auto ask_some = [&] {
    for (int i = 0; i < 100; ++i, ++sent)
      send({.fleet = fleet, .body = sent % 10 == 0 ? "slow:20" : "who"});
  };
  for (const double share : {0.1, 0.5, 0.9}) {
    publish_legs({{1 - share, old}, {share, fresh}});
    ask_some();
  }
  publish_legs({{1.0, fresh}});
  old.reset();
  ask_some();
  for (const TestOutcome& outcome : outcomes_->wait(sent))
    ASSERT_EQ(outcome.status, 200) << outcome.detail;
  for (int i = 0; i < 500 && drained_ == 0; ++i) std::this_thread::sleep_for(2ms);
  EXPECT_EQ(drained_, 1);
}

TEST_F(RouterTest, ARequestForOneInstanceFindsItInAGenerationThatStandsBy) {
  const auto pinned = add_instance("a");
  publish_legs(
      {{0.0, generation(1, {{.name = "main", .weight = 1, .instances = {pinned}}})},
       {1.0, generation(2, {{.name = "main", .weight = 1, .instances = {add_instance("b")}}})}});
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .instance = pinned->key.text}).body, "a");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask({.fleet = fleet, .body = "who"}).body, "b");
}

TEST_F(RouterTest, ADeadInstanceIsPassedOverForOneThatLives) {
  auto dead = routes_.make_instance({"fleet/dead"},
                                    {.http = "unix:" + (folder_.path() / "dead.http").string(),
                                     .link = "unix:" + (folder_.path() / "dead.link").string()},
                                    {});
  publish({{.name = "main", .weight = 1, .instances = {dead, add_instance("a")}}});
  for (int i = 0; i < 50; ++i) send({.fleet = fleet, .body = "who"});
  for (const TestOutcome& outcome : outcomes_->wait(50)) EXPECT_EQ(outcome.body, "a");
}

TEST_F(RouterTest, WhatWasUnderWayWhenTheInstanceDiedFailsAndIsNotSentTwice) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a"), add_instance("b")}}});
  send({.fleet = fleet, .body = "silent"});
  std::this_thread::sleep_for(50ms);
  instance_loop_.run_and_wait([this] {
    for (auto& [name, instance] : instances_) instance->cut_links();
  });
  EXPECT_EQ(outcomes_->wait(1)[0].failure, InvokeFailure::broken);
  EXPECT_EQ(of("a", &TestInstance::by_link) + of("b", &TestInstance::by_link), 1);
  EXPECT_EQ(ask({.fleet = fleet, .body = "on"}).body, "on");
}

TEST_F(RouterTest, ARequestWaitsForTheReplacementOfTheLastInstance) {
  publish({{.name = "main", .weight = 1, .instances = {}}});
  send({.fleet = fleet, .body = "who"});
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(outcomes_->size(), 0U);
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  EXPECT_EQ(outcomes_->wait(1)[0].body, "a");
}

TEST_F(RouterTest, AnUpdateDropsNoRequestAndTheOldInstanceIsDrainedAfterItsLastAnswer) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("old")}}});
  send({.fleet = fleet, .body = "slow:300"});
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> sent = 1;
  std::jthread traffic([&] {
    while (!stop) {
      send({.fleet = fleet, .body = "who"});
      ++sent;
      std::this_thread::sleep_for(100us);
    }
  });
  std::this_thread::sleep_for(50ms);
  publish({{.name = "main", .weight = 1, .instances = {add_instance("new")}}});
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(drained_, 0);
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(drained_, 1);
  stop = true;
  traffic.join();
  for (const TestOutcome& outcome : outcomes_->wait(sent)) EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcomes_->size(), sent);
}

TEST_F(RouterTest, AnIdleRouterLetsGoOfOldInstancesToo) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}}});
  ask({.fleet = fleet, .body = "x"});
  routes_.withdraw({fleet});
  for (int i = 0; i < 200 && drained_ == 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(drained_, 1);
}

TEST_F(RouterTest, EndingTheRouterAnswersEverythingThatIsUnderWay) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}},
           {.name = "plain", .weight = 0, .instances = {add_instance("b", Ways::http_only)}},
           {.name = "none", .weight = 0, .instances = {}}});
  send({.fleet = fleet, .body = "silent"});
  send({.fleet = fleet, .body = "silent", .target_variant = "plain"});
  send({.fleet = fleet, .body = "silent", .target_variant = "none"});
  std::this_thread::sleep_for(50ms);
  router_loop_.run_and_wait([this] { router_.reset(); });
  const auto outcomes = outcomes_->wait(3);
  ASSERT_EQ(outcomes.size(), 3U);
  for (const TestOutcome& outcome : outcomes) EXPECT_TRUE(outcome.failure);
}

}  // namespace
}  // namespace slipway::routing
