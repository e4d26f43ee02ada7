// Variants with several containers, shadow variants, and requests for one certain instance.
#include <thread>

#include "engine/routing/router_fixture.h"
#include "engine/routing/serial_pipeline.h"
#include "engine/routing/shadow.h"

namespace slipway::routing {
namespace {

using namespace std::chrono_literals;

class ContainersTest : public RouterTest {
 protected:
  using Instances = std::vector<std::shared_ptr<const InstanceRoute>>;

  // A variant "main" with a container for each list of instances.
  template <typename Container>
  static std::vector<VariantRoute> containers(std::vector<Instances> instances) {
    std::vector<VariantRoute> routes;
    const auto count = static_cast<std::uint32_t>(instances.size());
    for (std::uint32_t i = 0; i < count; ++i)
      routes.push_back({.name = "main",
                        .weight = 1,
                        .serving = Container{.place = {"c" + std::to_string(i + 1), i, count}},
                        .instances = std::move(instances[i])});
    return routes;
  }
  void publish_with_shadow(double share, Instances production, Instances shadow) {
    auto route = std::make_shared<GenerationRoute>();
    route->generation = 1;
    route->weight_total = 1;
    route->shadow_share = share;
    route->variants = {{.name = "main", .weight = 1, .instances = std::move(production)},
                       {.name = "shadow",
                        .weight = share,
                        .audience = Audience::shadow,
                        .instances = std::move(shadow)}};
    routes_.publish({fleet}, fleet_of_one(std::move(route)));
  }
  // Waits until the instance has seen `count` requests.
  int seen_by(const std::string& name, int count) {
    for (int i = 0; i < 500 && of(name, &TestInstance::by_link) < count; ++i)
      std::this_thread::sleep_for(2ms);
    return of(name, &TestInstance::by_link);
  }
};

TEST_F(ContainersTest, InSeriesTheAnswerOfEachContainerIsTheRequestOfTheNext) {
  publish(containers<SerialContainerRoute>(
      {{add_instance("a")}, {add_instance("b", Ways::http_only)}, {add_instance("c")}}));
  const TestOutcome outcome = ask({.fleet = fleet, .body = "1,2,3"});
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.body, "1,2,3");
  EXPECT_EQ(outcome.variant, "main");
  EXPECT_EQ(outcome.header("x-got-accept"), "application/json") << "for the last container";
  EXPECT_EQ(of("a", &TestInstance::by_link), 1);
  EXPECT_EQ(of("b", &TestInstance::by_http), 1);
  EXPECT_EQ(of("c", &TestInstance::by_link), 1);
  // "who" is answered by the first one's name, which the others hand on.
  EXPECT_EQ(ask({.fleet = fleet, .body = "who"}).body, "a");
}

TEST_F(ContainersTest, ASeriesEndsAtTheFirstErrorAndSaysWhichContainerItWas) {
  auto routes = containers<SerialContainerRoute>({{add_instance("a")}, {add_instance("b")}});
  publish(routes);
  const TestOutcome outcome = ask({.fleet = fleet, .body = "fail"});
  EXPECT_EQ(outcome.status, 400);
  EXPECT_EQ(outcome.container, "c1");
  EXPECT_EQ(of("b", &TestInstance::by_link), 0);
}

TEST_F(ContainersTest, OneTimeLimitHoldsForAllOfASeries) {
  publish(containers<SerialContainerRoute>({{add_instance("a")}, {add_instance("b")}}), 300ms);
  const auto begin = std::chrono::steady_clock::now();
  const TestOutcome outcome = ask({.fleet = fleet, .body = "slow:200"});  // 200 ms in each
  EXPECT_EQ(outcome.failure, InvokeFailure::timeout);
  EXPECT_EQ(outcome.container, "c2");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST_F(ContainersTest, ASeriesThatBeganBeforeAnUpdateEndsWhereItBegan) {
  publish(containers<SerialContainerRoute>({{add_instance("a1")}, {add_instance("b1")}}));
  send({.fleet = fleet, .body = "slow:200"});
  ASSERT_EQ(seen_by("a1", 1), 1);
  auto route = std::make_shared<GenerationRoute>();
  route->generation = 2;
  route->variants = {{.name = "main", .weight = 1, .instances = {add_instance("new")}}};
  route->weight_total = 1;
  routes_.publish({fleet}, fleet_of_one(route));
  EXPECT_EQ(outcomes_->wait(1)[0].body, "slow:200");
  EXPECT_EQ(of("b1", &TestInstance::by_link), 1);
  EXPECT_EQ(ask({.fleet = fleet, .body = "who"}).body, "new");
  for (int i = 0; i < 500 && drained_ < 2; ++i) std::this_thread::sleep_for(2ms);
  EXPECT_EQ(drained_, 2) << "both old instances are let go";
}

TEST_F(ContainersTest, ASeriesUnderWayIsAnsweredAlsoWhenItsFleetIsRemoved) {
  publish(containers<SerialContainerRoute>({{add_instance("a")}, {add_instance("b")}}));
  send({.fleet = fleet, .body = "slow:200"});
  ASSERT_EQ(seen_by("a", 1), 1);
  routes_.withdraw({fleet});
  EXPECT_EQ(outcomes_->wait(1)[0].body, "slow:200");
}

TEST_F(ContainersTest, ASeriesWaitsForTheReplacementOfAContainerInTheMiddle) {
  auto first = add_instance("a");
  publish(containers<SerialContainerRoute>({{first}, {}}));
  send({.fleet = fleet, .body = "on"});
  ASSERT_EQ(seen_by("a", 1), 1);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(outcomes_->size(), 0U);
  publish(containers<SerialContainerRoute>({{first}, {add_instance("b")}}));
  EXPECT_EQ(outcomes_->wait(1)[0].body, "on");
  EXPECT_EQ(of("a", &TestInstance::by_link), 1) << "the first is not asked twice";
}

TEST_F(ContainersTest, DirectExecutionAsksTheContainerThatIsNamedAndNoOther) {
  publish(containers<DirectContainerRoute>({{add_instance("a")}, {add_instance("b")}}));
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .container = "c1"}).body, "a");
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .container = "c2"}).body, "b");
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .container = "c3"}).failure,
            InvokeFailure::no_such_container);
  EXPECT_EQ(ask({.fleet = fleet, .body = "who"}).failure, InvokeFailure::no_such_container);
  publish({{.name = "main", .weight = 1, .instances = {add_instance("lone")}}});
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .container = "c1"}).failure,
            InvokeFailure::not_direct);
}

TEST_F(ContainersTest, AShadowGetsItsShareAndAnswersNobody) {
  publish_with_shadow(0.25, {add_instance("a")}, {add_instance("s")});
  for (int i = 0; i < 1000; ++i) send({.fleet = fleet, .body = "who"});
  for (const TestOutcome& outcome : outcomes_->wait(1000)) {
    EXPECT_EQ(outcome.body, "a");
    EXPECT_EQ(outcome.variant, "main");
  }
  std::this_thread::sleep_for(100ms);
  EXPECT_NEAR(of("s", &TestInstance::by_link), 250, 60);
  EXPECT_EQ(outcomes_->size(), 1000U);
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .target_variant = "shadow"}).failure,
            InvokeFailure::no_such_variant)
      << "no caller can ask it";
}

TEST_F(ContainersTest, AShadowThatNeverAnswersCostsABoundedNumberOfCopiesAndNoTime) {
  publish_with_shadow(1, {add_instance("a")}, {add_instance("s")});
  // Not by the body, which would silence the production instance too.
  instance_loop_.run_and_wait([this] { instances_["s"]->mute = true; });
  for (int i = 0; i < 600; ++i) send({.fleet = fleet, .body = "who"});
  for (const TestOutcome& outcome : outcomes_->wait(600)) EXPECT_EQ(outcome.body, "a");
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(of("s", &TestInstance::by_link), static_cast<int>(shadows_under_way_max));
}

TEST_F(ContainersTest, AShadowWithoutAnInstanceHoldsNothingUp) {
  publish_with_shadow(1, {add_instance("a")}, {});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask({.fleet = fleet, .body = "who"}).body, "a");
}

TEST_F(ContainersTest, ARequestForOneInstanceGoesThereOrNowhere) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a"), add_instance("b")}}});
  for (int i = 0; i < 20; ++i) {
    const TestOutcome outcome = ask({.fleet = fleet, .body = "who", .instance = "fleet/b"});
    EXPECT_EQ(outcome.body, "b");
    EXPECT_EQ(outcome.instance, "fleet/b");
  }
  EXPECT_EQ(ask({.fleet = fleet, .body = "who", .instance = "fleet/gone"}).failure,
            InvokeFailure::no_such_instance);
  routes_.set_incomplete();  // as after a start: it may still be reported
  send({.fleet = fleet, .body = "who", .instance = "fleet/gone"});
  std::this_thread::sleep_for(50ms);
  const std::size_t before = outcomes_->size();
  routes_.set_complete();
  EXPECT_EQ(outcomes_->wait(before + 1).back().failure, InvokeFailure::no_such_instance);
}

TEST_F(ContainersTest, WhatARequestSaysAgainstTheInstanceThatItNamesIsRefused) {
  publish({{.name = "main", .weight = 1, .instances = {add_instance("a")}},
           {.name = "other", .weight = 1, .instances = {add_instance("b")}}});
  TestRequest request{.fleet = fleet, .body = "who", .instance = "fleet/b"};
  request.target_variant = "other";
  EXPECT_EQ(ask(request).body, "b");
  request.target_variant = "main";
  EXPECT_EQ(ask(request).failure, InvokeFailure::other_instance);
  EXPECT_EQ(outcomes_->wait(2).back().detail, "the instance is one of variant 'other'");
  request.target_variant = "";
  request.container = "one";
  EXPECT_EQ(ask(request).failure, InvokeFailure::not_direct);

  const auto container = [this](std::string name, std::uint32_t position, std::string instance) {
    return VariantRoute{.name = "main",
                        .weight = 1,
                        .serving = DirectContainerRoute{.place = {std::move(name), position, 2}},
                        .instances = {add_instance(instance)}};
  };
  publish({container("one", 0, "c"), container("two", 1, "d")});
  request.instance = "fleet/d";
  EXPECT_EQ(ask(request).failure, InvokeFailure::other_instance);
  request.container = "two";
  EXPECT_EQ(ask(request).body, "d");
  request.container = "";
  EXPECT_EQ(ask(request).failure, InvokeFailure::no_such_container);
}

}  // namespace
}  // namespace slipway::routing
