#include "engine/routing/concurrency_limiter.h"

#include <gtest/gtest.h>

#include "engine/routing/router_fixture.h"

namespace slipway::routing {
namespace {

using namespace std::chrono_literals;

TEST(ConcurrencyLimiter, GivesAsManyTurnsAsThereAreAndRingsOnceForMoreThanItsInstancesTake) {
  const ManualClock clock;
  int rings = 0;
  const auto limiter = std::make_shared<ConcurrencyLimiter>(
      clock, ConcurrencyLimiter::Hooks{.demand = [&] { ++rings; }, .freed = [] {}});
  auto first = Permit::acquire(limiter, 2);
  auto second = Permit::acquire(limiter, 2);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(Permit::acquire(limiter, 2));
  EXPECT_EQ(rings, 1);
  EXPECT_EQ(limiter->look().peak, 2U);
  limiter->aim(2);
  EXPECT_EQ(rings, 1);
  second.reset();
  EXPECT_TRUE(Permit::acquire(limiter, 2));
  EXPECT_EQ(rings, 1);
}

TEST(ConcurrencyLimiter, ATurnThatWasTakenBetweenALookAndItsAimRingsAgain) {
  const ManualClock clock;
  int rings = 0;
  const auto limiter = std::make_shared<ConcurrencyLimiter>(
      clock, ConcurrencyLimiter::Hooks{.demand = [&] { ++rings; }, .freed = [] {}});
  limiter->aim(4);
  limiter->look();
  const auto permit = Permit::acquire(limiter, 4);  // within the old aim: silent
  EXPECT_EQ(rings, 0);
  limiter->aim(0);
  EXPECT_EQ(rings, 1);
}

TEST(ConcurrencyLimiter, WhatBecomesFreeIsToldWhileSomebodyWaits) {
  const ManualClock clock;
  int told = 0;
  const auto limiter = std::make_shared<ConcurrencyLimiter>(
      clock, ConcurrencyLimiter::Hooks{.demand = [] {}, .freed = [&] { ++told; }});
  {
    const auto permit = Permit::acquire(limiter, 1);
  }
  EXPECT_EQ(told, 0);
  limiter->add_waiting(1);
  {
    const auto permit = Permit::acquire(limiter, 1);
  }
  EXPECT_EQ(told, 1);
}

class ElasticRouterTest : public RouterTest {
 protected:
  void publish_elastic(std::vector<std::shared_ptr<const InstanceRoute>> instances,
                       std::chrono::milliseconds timeout = 60s) {
    publish({{.name = "all",
              .weight = 1,
              .serving =
                  ElasticRoute{.limits = limits_, .request_timeout = timeout, .limiter = limiter_},
              .instances = std::move(instances)}},
            timeout);
  }

  const SystemClock clock_;
  std::atomic<int> rings_ = 0;
  Elastic limits_{.concurrency_max = 2, .requests_per_instance = 2, .body_bytes_max = 100};
  std::shared_ptr<ConcurrencyLimiter> limiter_ = std::make_shared<ConcurrencyLimiter>(
      clock_, ConcurrencyLimiter::Hooks{.demand = [this] { ++rings_; },
                                        .freed = [this] { routes_.nudge(); }});
};

TEST_F(ElasticRouterTest, ARequestWithoutAnInstanceRingsAndIsSentWhenOneIsThere) {
  publish_elastic({});
  send({.fleet = fleet, .body = "1"});
  EXPECT_EQ(outcomes_->size(), 0U);
  publish_elastic({add_instance("a")});
  EXPECT_EQ(outcomes_->wait(1).at(0).body, "1");
  EXPECT_EQ(rings_, 1);
  router_loop_.run_and_wait([] {});
  EXPECT_EQ(limiter_->look().now, 0U);
}

TEST_F(ElasticRouterTest, PastTheConcurrencyARequestIsThrottledAfterAMomentAndNotBefore) {
  publish_elastic({add_instance("a")});
  send({.fleet = fleet, .body = "silent"});
  send({.fleet = fleet, .body = "silent"});
  const auto begin = std::chrono::steady_clock::now();
  const TestOutcome third = ask({.fleet = fleet, .body = "3"});
  EXPECT_EQ(third.failure, InvokeFailure::throttled);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, permit_wait_max);
}

TEST_F(ElasticRouterTest, ATurnThatIsGivenBackGoesToWhoeverWaits) {
  publish_elastic({add_instance("a")});
  for (const char* body : {"slow:200", "slow:200", "3", "4"}) send({.fleet = fleet, .body = body});
  for (const TestOutcome& outcome : outcomes_->wait(4)) EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcomes_->size(), 4U);
}

TEST_F(ElasticRouterTest, AnInstanceIsGivenNoMoreAtOnceThanItMayHave) {
  limits_ = {.concurrency_max = 3, .requests_per_instance = 1};
  publish_elastic({add_instance("a")});
  send({.fleet = fleet, .body = "silent"});
  send({.fleet = fleet, .body = "2"});
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(outcomes_->size(), 0U);
  publish_elastic({add_instance("b")});
  EXPECT_EQ(outcomes_->wait(1).at(0).body, "2");
}

TEST_F(ElasticRouterTest, WhereInstancesDoNotStartWhoeverWaitsIsToldWhyAndTheNextOneWaitsAnew) {
  publish_elastic({});
  send({.fleet = fleet, .body = "1"});
  router_loop_.run_and_wait([] {});
  limiter_->give_up("it says so");
  const auto outcomes = outcomes_->wait(1);
  EXPECT_EQ(outcomes.at(0).failure, InvokeFailure::start_failed);
  EXPECT_EQ(outcomes.at(0).detail, "it says so");
  send({.fleet = fleet, .body = "2"});
  publish_elastic({add_instance("a")});
  EXPECT_EQ(outcomes_->wait(2).at(1).body, "2");
}

TEST_F(ElasticRouterTest, ARequestWaitsForAnInstanceAsLongAsItsTime) {
  publish_elastic({}, 300ms);
  EXPECT_EQ(ask({.fleet = fleet, .body = "1"}).failure, InvokeFailure::not_ready);
}

TEST_F(ElasticRouterTest, WhoeverWaitsForAFleetThatGoesIsToldSo) {
  publish_elastic({});
  send({.fleet = fleet, .body = "1"});
  router_loop_.run_and_wait([] {});
  routes_.withdraw({fleet});
  EXPECT_EQ(outcomes_->wait(1).at(0).failure, InvokeFailure::not_found);
}

TEST_F(ElasticRouterTest, AContainerIsNotAskedByItsName) {
  publish_elastic({add_instance("a")});
  const TestOutcome named = ask({.fleet = fleet, .body = "1", .container = "one"});
  EXPECT_EQ(named.failure, InvokeFailure::not_direct);
  EXPECT_EQ(ask({.fleet = fleet, .body = "2"}).status, 200);
}

TEST_F(ElasticRouterTest, BodiesPastTheLimitAreRefusedBothWays) {
  publish_elastic({add_instance("a")});
  EXPECT_EQ(ask({.fleet = fleet, .body = std::string(100, 'a')}).status, 200);
  EXPECT_EQ(ask({.fleet = fleet, .body = std::string(101, 'a')}).failure,
            InvokeFailure::request_too_large);
  limits_.body_bytes_max = 2;
  publish_elastic({add_instance("b")});
  EXPECT_EQ(ask({.fleet = fleet, .body = "12"}).status, 200);
}

}  // namespace
}  // namespace slipway::routing
