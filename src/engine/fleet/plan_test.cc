#include "engine/fleet/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <utility>

#include "engine/fleet/plan_route.h"
#include "engine/fleet/record.h"

namespace slipway::fleet {
namespace {

Variant container(const std::string& variant, const std::string& name) {
  return {.name = variant + "." + name,
          .serving = SerialContainer{.container = name},
          .program = {.built_in = "test"}};
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
  plan.variants[1].serving = MultiModel{.models = {.uri = "s3://b/m/", .reader = "three"}};
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

// Texts that stores hold. What was added to plans later is absent in those that are older.
constexpr std::string_view older_text =
    R"({"version":1,"request_timeout_ms":60000,"variants":[{"name":"a","weight":1E0,"instances":2,)"
    R"("routing":1,"program":{"built_in":"slipway-inference","image":"","arguments":[],)"
    R"("environment":{"K":"v"},"model":{"uri":"s3://b/m.tar.gz","form":0},"startup_timeout_s":480,)"
    R"("download_timeout_s":3600,"memory_bytes_max":0,"contract":{"model_path":"/m",)"
    R"("models_path":"","code_path":"","default_arguments":[],"ports":[],"probe":{"kind":"http",)"
    R"("path":"/ping"},"request_method":"POST","request_path":"/ask","request_models_path":""}},)"
    R"("elastic":null}]})";
constexpr std::string_view newer_text =
    R"({"version":1,"request_timeout_ms":60000,"part_border":0,"access":0,"variants":[{"name":"a",)"
    R"("weight":1E0,"instances":2,"routing":1,"program":{"built_in":"slipway-inference",)"
    R"("image":"",)"
    R"("arguments":[],"environment":{"K":"v"},"acts_as":"","model":{"uri":"s3://b/m.tar.gz",)"
    R"("form":0,"reader":""},"models":null,"code":null,"startup_timeout_s":480,)"
    R"("download_timeout_s":3600,"memory_bytes_max":0,"contract":{"model_path":"/m",)"
    R"("models_path":"","code_path":"","default_arguments":[],"ports":[],"probe":{"kind":"http",)"
    R"("path":"/ping"},"request_method":"POST","request_path":"/ask",)"
    R"("request_models_path":""}}}]})";

TEST(Plan, OneThatWasStoredBeforeIsReadAndWrittenInTodaysForm) {
  const auto older = plan_from_text(older_text);
  ASSERT_TRUE(older) << older.error().message;
  EXPECT_EQ(older->variants[0].program.model->uri, "s3://b/m.tar.gz");
  EXPECT_EQ(to_text(*older), newer_text);
  EXPECT_EQ(plan_from_text(newer_text), *older);
}

TEST(Plan, WhatNotEveryVariantHasIsStoredOnlyWhereItIsThere) {
  FleetPlan plan{.variants = {lone("a"), lone("b"), container("main", "one"),
                              lone("d", routing::Audience::shadow)}};
  plan.variants[0].serving = routing::Elastic{.concurrency_max = 3};
  plan.variants[1].serving = SingleModel{.at_zero = AtZero::refuse};
  plan.variants[3].program = {};
  plan.variants[3].serving = Machines{.each = {.cpus = 2, .memory_mib = 4}, .count = 1};
  plan.capture = routing::CapturePlan{.destination = "s3://b/c", .csv_types = {"text/csv"}};
  plan.writers = {{"main", "somebody"}};
  const std::string text = to_text(plan);
  for (
      const std::string_view part :
      {R"(,"elastic":{"concurrency_max":3,"provisioned":0,"requests_per_instance":1,)"
       R"("body_bytes_max":0}},{"name":"b",)",
       R"(},"refuses_at_zero":true},{"name":"main.one",)",
       R"(},"execution":1,"container":"one"},{"name":"d",)",
       R"("memory_bytes_max":0},"offers":{"cpus":2E0,"memory_mib":4,"accelerators":0E0},)"
       R"("audience":1}],"capture":{"destination":"s3://b/c","percent":100,"input":true,)"
       R"("output":true,"csv_types":["text/csv"],"json_types":[]},"writers":{"main":"somebody"}})"})
    EXPECT_NE(text.find(part), text.npos) << part << "\n" << text;
  EXPECT_EQ(plan_from_text(text), plan);
}

TEST(Plan, EachKindOfServingComesBackFromItsStoredForm) {
  const residency::ModelCollection models{.uri = "s3://b/m/", .loaded_max = 2};
  const routing::Elastic elastic{.concurrency_max = 7, .provisioned = 2};
  const auto least = routing::Balancing::least_outstanding;
  for (const Serving& serving : std::initializer_list<Serving>{
           SingleModel{.instances = 3, .at_zero = AtZero::refuse, .balancing = least},
           MultiModel{.models = models, .instances = 4, .at_zero = AtZero::refuse},
           SerialContainer{.container = "one", .instances = 5, .balancing = least},
           DirectContainer{.container = "one", .instances = 6, .balancing = least}, elastic,
           Machines{.each = {.cpus = 0.5, .memory_mib = 8}, .count = 7}}) {
    FleetPlan plan{.variants = {lone("main.one")}};
    plan.variants[0].serving = serving;
    const auto read = plan_from_text(to_text(plan));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, plan) << serving.index();
  }
}

// The instances of the first follow its requests, and say nothing; neither does how an instance of
// the second is chosen.
TEST(Plan, WhatWasStoredOfAnotherKindOfServingSaysNothing) {
  FleetPlan plan{.variants = {lone("a"), lone("b")}};
  plan.variants[0].serving = routing::Elastic{.concurrency_max = 3};
  plan.variants[1].serving = MultiModel{.models = {.uri = "s3://b/m/"}};
  std::string text = to_text(plan);
  const std::string_view written = R"("instances":0,"routing":0)";
  text.replace(text.find(written), written.size(), R"("instances":4,"routing":1)");
  const std::string_view of_many = R"("instances":1,"routing":0)";
  text.replace(text.find(of_many), of_many.size(), R"("instances":1,"routing":1)");
  EXPECT_EQ(plan_from_text(text), plan);
}

TEST(Plan, AVariantThatServesInTwoWaysIsRefused) {
  FleetPlan plan{.variants = {container("main", "one")}};
  std::string text = to_text(plan);
  text.insert(text.find(",\"execution\""),
              R"(,"offers":{"cpus":1E0,"memory_mib":1,"accelerators":0E0})");
  EXPECT_EQ(plan_from_text(text).error().message,
            "The stored fleet plan cannot be read: variants: 'main.one' serves in no one way.");
}

TEST(Plan, WhatIsNotKnownIsRefusedWithItsPlace) {
  std::string text(newer_text);
  text.insert(text.find("\"models_path\""), "\"colour\":1,");
  EXPECT_EQ(
      plan_from_text(text).error().message,
      "The stored fleet plan cannot be read: variants[0].program.contract.colour is not known.");
}

TEST(Record, WhatWasStoredBeforeIsReadAndWrittenInTodaysForm) {
  const std::string head =
      R"({"version":2,"shares":{"7":1E0},"steered":0,"failed":0,"applied_revision":3,)"
      R"("scaling_failed":false,"reason":"","changed_at":1700000000000000,"next_ordinal":4,)"
      R"("generations":{"7":{"begun":5,"came_up":true,"variants":{"a":{"content":"c",)";
  const std::string tail = R"("failures":1,"not_before":9}}}}})";
  const auto older = record_from_text(head + tail);
  ASSERT_TRUE(older) << older.error().message;
  EXPECT_EQ(older->generations.at(7).variants.at("a").failures, 1U);
  EXPECT_EQ(to_text(*older), head + R"("code_content":"","environment":"",)" + tail);
  EXPECT_EQ(
      record_from_text(head + R"("colour":1,)" + tail).error().message,
      "The stored fleet record cannot be read: generations.7.variants.a.colour is not known.");
}

TEST(Plan, AProgramWithoutAContractIsNoStoredPlan) {
  std::string text = to_text({.variants = {lone("a")}});
  text.replace(text.find("\"contract\""), 10, "\"contrast\"");
  EXPECT_EQ(plan_from_text(text).error().code, ErrorCode::corrupted);
}

TEST(Plan, AContractThatLacksWhatItsProgramNeedsIsRefused) {
  const auto with = [](const std::function<void(Program&)>& change, Serving serving = {}) {
    Variant made{.name = "a", .program = {.image = "registry/own"}};
    made.program.contract = {.model_path = "/m",
                             .models_path = "/ms",
                             .code_path = "/c",
                             .ports = {9000},
                             .probe = HttpProbe{.path = "/health"},
                             .request = {.path = "/ask", .models_path = "/loaded"}};
    change(made.program);
    made.serving = std::move(serving);
    return check({.variants = {made}});
  };
  EXPECT_TRUE(with([](Program&) {}));
  EXPECT_FALSE(with([](Program& program) { program.contract.ports = {}; }));
  EXPECT_FALSE(with([](Program& program) { program.contract.ports = {1, 2}; }));
  EXPECT_FALSE(with([](Program& program) { program.contract.probe = HttpProbe(); }));
  EXPECT_FALSE(with([](Program& program) { program.contract.request.path = ""; }));
  const MultiModel many{.models = {.uri = "s3://b/"}};
  EXPECT_TRUE(with([](Program&) {}, many));
  EXPECT_FALSE(with([](Program& program) { program.contract.request.models_path = ""; }, many));
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
  using Serial = routing::SerialContainerRoute;
  EXPECT_EQ(route.variants[0].serving, routing::ServingRoute(Serial{.place = {"one", 0, 2}}));
  EXPECT_EQ(route.variants[1].serving, routing::ServingRoute(Serial{.place = {"two", 1, 2}}));
  EXPECT_EQ(route.variants[2].serving, routing::ServingRoute(routing::SingleModelRoute()));
}

TEST(FleetPlan, ACollectionOfModelsIsStoredWithIt) {
  Variant variant{.name = "all"};
  variant.program.built_in = "slipway-inference";
  variant.serving = MultiModel{.models = {.uri = "s3://b/p/",
                                          .form = artifacts::Artifact::Form::object,
                                          .kept = false,
                                          .loaded_max = 7},
                               .instances = 3};
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
