// Instances on one loop thread, the router on another, as processes and server are. For this room's
// tests.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "base/test_folder.h"
#include "engine/routing/router.h"
#include "engine/routing/test_instance.h"
#include "engine/routing/test_invocation.h"

namespace slipway::routing {

inline constexpr const char* fleet = "a/b/endpoint";

class RouterTest : public testing::Test {
 public:
  enum class Ways : std::uint8_t { both, http_only };

 protected:
  RouterTest() {
    routes_.on_drained([this](const place::InstanceKey&) { ++drained_; });
    router_loop_.run_and_wait(
        [this] { router_ = std::make_unique<Router>(router_loop_.loop(), routes_, random_); });
  }
  ~RouterTest() override {
    router_loop_.run_and_wait([this] { router_.reset(); });
    instance_loop_.run_and_wait([this] { instances_.clear(); });
  }

  std::shared_ptr<const InstanceRoute> add_instance(const std::string& name, Ways ways = Ways::both,
                                                    RequestForm form = {}) {
    place::Addresses addresses{.http = "unix:" + (folder_.path() / (name + ".http")).string()};
    if (ways == Ways::both) addresses.link = "unix:" + (folder_.path() / (name + ".link")).string();
    instance_loop_.run_and_wait([&] {
      instances_[name] =
          std::make_unique<TestInstance>(instance_loop_.loop(), name, addresses.http.substr(5),
                                         addresses.link.empty() ? "" : addresses.link.substr(5));
    });
    return routes_.make_instance({"fleet/" + name}, addresses, std::move(form));
  }
  void publish(std::vector<VariantRoute> variants,
               std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
    routes_.publish({fleet}, fleet_of_one(generation(1, std::move(variants), timeout)));
  }
  void publish_legs(std::vector<FleetRoute::Leg> legs) {
    routes_.publish({fleet}, std::make_shared<FleetRoute>(std::move(legs)));
  }
  static std::shared_ptr<const GenerationRoute> generation(
      Generation number, std::vector<VariantRoute> variants,
      std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
    auto route = std::make_shared<GenerationRoute>();
    route->generation = number;
    route->request_timeout = timeout;
    route->variants = std::move(variants);
    for (const VariantRoute& variant : route->variants)
      if (!variant.instances.empty() && variant.is_first()) route->weight_total += variant.weight;
    return route;
  }
  void send(TestRequest request) {
    router_loop_.loop().post([this, asked = std::move(request)]() mutable {
      router_->invoke(std::make_unique<TestInvocation>(std::move(asked), outcomes_));
    });
  }
  TestOutcome ask(TestRequest request) {
    const std::size_t before = outcomes_->size();
    send(std::move(request));
    const auto outcomes = outcomes_->wait(before + 1);
    EXPECT_GT(outcomes.size(), before) << "no answer";
    return outcomes.size() > before ? outcomes.back() : TestOutcome{};
  }
  template <typename T>
  T of(const std::string& name, T TestInstance::* member) {
    T value{};
    instance_loop_.run_and_wait([&] { value = instances_[name].get()->*member; });
    return value;
  }

  TestFolder folder_;
  SeededRandom random_{1};
  std::atomic<int> drained_ = 0;
  RouteTable routes_;
  net::LoopThread instance_loop_;
  net::LoopThread router_loop_;
  std::map<std::string, std::unique_ptr<TestInstance>> instances_;
  std::shared_ptr<TestOutcomes> outcomes_ = std::make_shared<TestOutcomes>();
  std::unique_ptr<Router> router_;
};

}  // namespace slipway::routing
