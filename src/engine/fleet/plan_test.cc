#include "engine/fleet/plan.h"

#include <gtest/gtest.h>

#include <functional>

#include "engine/fleet/plan_route.h"

namespace slipway::fleet {
namespace {

Variant container(const std::string& variant, const std::string& name,
                  routing::Execution execution = routing::Execution::serial) {
  Variant made{.name = variant + "." + name, .program = {.built_in = "test"}};
  made.container = name;
  made.execution = execution;
  return made;
}

Variant lone(const std::string& name, routing::Audience audience = routing::Audience::callers) {
  Variant made{.name = name, .program = {.built_in = "test"}};
  made.audience = audience;
  return made;
}

TEST(Plan, ContainersAndShadowsComeBackFromTheirStoredForm) {
  FleetPlan plan{.variants = {container("main", "one"), container("main", "two"), lone("other"),
                              lone("shadow", routing::Audience::shadow)}};
  plan.variants[2].program.acts_as = "somebody";
  ASSERT_TRUE(check(plan));
  const auto read = plan_from_text(to_text(plan));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, plan);
  EXPECT_EQ(read->variants[1].variant(), "main");
  EXPECT_EQ(read->variants[2].variant(), "other");
}

TEST(Plan, ForWhomThingsAreReadAndStoredComesBackFromItsStoredForm) {
  FleetPlan plan{.variants = {lone("one"), lone("two")}};
  plan.variants[0].program.model = artifacts::Artifact{.uri = "s3://b/m.tar.gz", .reader = "one"};
  plan.variants[0].program.code =
      Code{.artifact = {.uri = "s3://b/c.tar.gz", .reader = "two"}, .variable = "CODE"};
  plan.variants[1].program.models =
      residency::ModelCollection{.uri = "s3://b/m/", .reader = "three"};
  plan.writers = {{"one", "four"}, {"two", "five"}};
  const auto read = plan_from_text(to_text(plan));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, plan);
}

TEST(Plan, ItsContractsComeBackFromTheirStoredForm) {
  FleetPlan plan{.variants = {lone("pages"), lone("sockets"), lone("none")}};
  plan.variants[0].program.contract = {.model_path = "/srv/model",
                                       .models_path = "/srv/models",
                                       .code_path = "/srv/code",
                                       .default_arguments = {"start", "now"},
                                       .ports = {9000},
                                       .probe = HttpProbe{.path = "/health"},
                                       .request = {"PUT", "/ask", "/loaded"}};
  plan.variants[1].program.contract.probe = TcpProbe();
  ASSERT_TRUE(check(plan));
  const auto read = plan_from_text(to_text(plan));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, plan);
}

TEST(Plan, AProgramWithoutAContractIsNoStoredPlan) {
  std::string text = to_text({.variants = {lone("a")}});
  text.replace(text.find("\"contract\""), 10, "\"contrast\"");
  EXPECT_EQ(plan_from_text(text).error().code, ErrorCode::corrupted);
}

TEST(Plan, AContractThatLacksWhatItsProgramNeedsIsRefused) {
  const auto with = [](const std::function<void(Program&)>& change) {
    Variant made{.name = "a", .program = {.image = "registry/own"}};
    made.program.contract = {.model_path = "/m",
                             .models_path = "/ms",
                             .code_path = "/c",
                             .ports = {9000},
                             .probe = HttpProbe{.path = "/health"},
                             .request = {.path = "/ask", .models_path = "/loaded"}};
    change(made.program);
    return check({.variants = {made}});
  };
  EXPECT_TRUE(with([](Program&) {}));
  EXPECT_FALSE(with([](Program& program) { program.contract.ports = {}; }));
  EXPECT_FALSE(with([](Program& program) { program.contract.ports = {1, 2}; }));
  EXPECT_FALSE(with([](Program& program) { program.contract.probe = HttpProbe(); }));
  EXPECT_FALSE(with([](Program& program) { program.contract.request.path = ""; }));
  const auto models = [](Program& program) {
    program.models = residency::ModelCollection{.uri = "s3://b/"};
  };
  EXPECT_TRUE(with(models));
  EXPECT_FALSE(with([&](Program& program) {
    models(program);
    program.contract.request.models_path = "";
  }));
  EXPECT_FALSE(with([](Program& program) {
    program.model = artifacts::Artifact{.uri = "s3://b/m"};
    program.contract.model_path = "";
  }));
}

TEST(Plan, ContainersThatAreApartOrDisagreeOrAreTooManyAreRefused) {
  EXPECT_FALSE(
      check({.variants = {container("main", "one"), lone("b"), container("main", "two")}}));
  Variant heavier = container("main", "two");
  heavier.weight = 2;
  EXPECT_FALSE(check({.variants = {container("main", "one"), heavier}}));
  EXPECT_FALSE(check({.variants = {container("main", "one"), lone("main")}}));
  FleetPlan many;
  for (std::size_t i = 0; i < containers_max; ++i)
    many.variants.push_back(container("main", "c" + std::to_string(i)));
  EXPECT_TRUE(check(many));
  many.variants.push_back(container("main", "one-more"));
  EXPECT_FALSE(check(many));
}

TEST(Plan, AShadowStandsAloneAndBesideSomethingThatAnswers) {
  EXPECT_FALSE(check({.variants = {lone("shadow", routing::Audience::shadow)}}));
  EXPECT_FALSE(check({.variants = {lone("a"), lone("b", routing::Audience::shadow),
                                   lone("c", routing::Audience::shadow)}}));
}

TEST(Plan, TheShareOfAShadowIsItsWeightOverTheOthersAndAtMostAll) {
  FleetPlan plan{.variants = {lone("main"), lone("shadow", routing::Audience::shadow)}};
  plan.variants[0].weight = 4;
  EXPECT_DOUBLE_EQ(shadow_share(plan), 0.25);
  plan.variants[1].weight = 8;
  EXPECT_DOUBLE_EQ(shadow_share(plan), 1);
  plan.variants[1].weight = 0;
  EXPECT_DOUBLE_EQ(shadow_share(plan), 0);
}

TEST(Plan, ContainersFollowEachOtherInTheRoute) {
  routing::GenerationRoute route;
  for (const auto& variant : {container("main", "one"), container("main", "two"), lone("other")})
    add_route(route, variant);
  ASSERT_EQ(route.variants.size(), 3U);
  EXPECT_EQ(route.variants[0].containers, 2U);
  EXPECT_EQ(route.variants[1].position, 1U);
  EXPECT_EQ(route.variants[1].containers, 2U);
  EXPECT_EQ(route.variants[2].position, 0U);
  EXPECT_EQ(route.variants[2].containers, 1U);
}

TEST(FleetPlan, ACollectionOfModelsIsStoredWithIt) {
  Variant variant{.name = "all"};
  variant.program.built_in = "slipway-inference";
  variant.program.models = residency::ModelCollection{.uri = "s3://b/p/",
                                                      .form = artifacts::Artifact::Form::object,
                                                      .kept = false,
                                                      .loaded_max = 7};
  variant.program.contract.models_path = "/models";
  variant.program.contract.request.models_path = "/models";
  FleetPlan plan;
  plan.variants.push_back(variant);
  ASSERT_TRUE(check(plan));
  const auto read = plan_from_text(to_text(plan));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, plan);
  plan.variants[0].program.model = artifacts::Artifact{.uri = "s3://b/one.tar.gz"};
  EXPECT_FALSE(check(plan)) << "one model or many, not both";
}

}  // namespace
}  // namespace slipway::fleet
