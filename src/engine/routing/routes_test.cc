#include "engine/routing/routes.h"

#include <gtest/gtest.h>

#include <functional>

namespace slipway::routing {
namespace {

// Two routes that say the same are made of different objects.
GenerationRoute route_with(const std::function<void(GenerationRoute&)>& change = [](auto&) {}) {
  GenerationRoute route{.generation = 3, .variants = {{.name = "main", .weight = 1}}};
  route.variants[0].serving = ElasticRoute{.limits = {.concurrency_max = 2}};
  route.variants[0].instances.push_back(std::make_shared<InstanceRoute>(
      place::InstanceKey{"fleet/a/3/main/1"}, place::Addresses{.http = "unix:/a"}, RequestForm()));
  route.capture = std::make_shared<CapturePlan>(CapturePlan{.destination = "s3://b/p"});
  change(route);
  return route;
}

FleetRoute::Leg leg(double share, GenerationRoute route) {
  return {.share = share, .route = std::make_shared<GenerationRoute>(std::move(route))};
}

TEST(Routes, ThoseThatSayTheSameAreEqualWhoeverHoldsThem) {
  EXPECT_EQ(route_with(), route_with());
  EXPECT_EQ((FleetRoute{.legs = {leg(1, route_with())}}),
            (FleetRoute{.legs = {leg(1, route_with())}}));
  const auto counted =
      route_with([](GenerationRoute& route) { route.variants[0].instances[0]->outstanding = 7; });
  EXPECT_EQ(counted, route_with()) << "what is under way is no part of it";
}

TEST(Routes, WhateverIsSaidOtherwiseMakesAnotherRoute) {
  const std::vector<std::function<void(GenerationRoute&)>> changes{
      [](GenerationRoute& route) { route.generation = 4; },
      [](GenerationRoute& route) { route.request_timeout = std::chrono::seconds(1); },
      [](GenerationRoute& route) { route.part_border = PartBorder::line; },
      [](GenerationRoute& route) { route.writers["main"] = "somebody"; },
      [](GenerationRoute& route) { route.capture.reset(); },
      [](GenerationRoute& route) {
        route.capture = std::make_shared<CapturePlan>(CapturePlan{.destination = "s3://b/q"});
      },
      [](GenerationRoute& route) { route.variants[0].weight = 2; },
      [](GenerationRoute& route) {
        route.variants[0].serving = SingleModelRoute{.at_zero = AtZero::refuse};
      },
      [](GenerationRoute& route) { route.variants[0].instances.clear(); },
      [](GenerationRoute& route) {
        route.variants[0].serving = ElasticRoute{.limits = {.concurrency_max = 3}};
      },
      [](GenerationRoute& route) {
        route.variants[0].instances[0] =
            std::make_shared<InstanceRoute>(place::InstanceKey{"fleet/a/3/main/1"},
                                            place::Addresses{.http = "unix:/b"}, RequestForm());
      }};
  for (std::size_t i = 0; i < changes.size(); ++i)
    EXPECT_FALSE(route_with(changes[i]) == route_with()) << i;
  EXPECT_FALSE((FleetRoute{.legs = {leg(1, route_with())}}) ==
               (FleetRoute{.legs = {leg(0.5, route_with())}}));
}

TEST(Routes, TheTableSaysHowRequestsAreDivided) {
  RouteTable table;
  EXPECT_EQ(table.routed({"a"}), Shares());
  auto route = std::make_shared<FleetRoute>();
  route->legs = {leg(0.75, route_with()),
                 leg(0.25, route_with([](GenerationRoute& other) { other.generation = 4; }))};
  table.publish({"a"}, route);
  EXPECT_EQ(table.routed({"a"}), (Shares{{3, 0.75}, {4, 0.25}}));
  table.set_incomplete();
  EXPECT_EQ(table.routed({"a"}), std::nullopt);
}

}  // namespace
}  // namespace slipway::routing
