#include "service/sagemaker/test_door.h"

namespace slipway::sagemaker {
namespace {

using testing::HasSubstr;

std::string with_config(std::string_view endpoint, std::string_view config) {
  return fmt::format(R"({{"EndpointName":"{}","EndpointConfigName":"{}"}})", endpoint, config);
}

const json::object& first_variant(const Answer& endpoint) {
  return endpoint.body.at("ProductionVariants").as_array().at(0).as_object();
}

TEST_F(Door, an_endpoint_is_creating_without_variants_and_then_in_service_with_them) {
  make_model("m");
  make_config("c", "m", 2);
  start_endpoint("mine", "c");
  const Answer creating = describe("mine");
  EXPECT_EQ(creating.text("EndpointStatus"), "Creating");
  EXPECT_FALSE(creating.has("ProductionVariants"));
  const json::object& pending = creating.body.at("PendingDeploymentSummary").as_object();
  EXPECT_EQ(pending.at("EndpointConfigName").as_string(), "c");
  EXPECT_EQ(pending.at("ProductionVariants").as_array().size(), 1U);
  settle();
  const Answer endpoint = describe("mine");
  EXPECT_EQ(endpoint.text("EndpointStatus"), "InService");
  EXPECT_EQ(endpoint.text("EndpointConfigName"), "c");
  EXPECT_EQ(first_variant(endpoint).at("CurrentInstanceCount").to_number<int>(), 2);
  EXPECT_FALSE(endpoint.has("FailureReason"));
  EXPECT_FALSE(endpoint.has("PendingDeploymentSummary"));
}

// The stage at which the first variant of these is; empty: at none.
std::string stage(const json::object& holder) {
  const json::object& variant = holder.at("ProductionVariants").as_array().at(0).as_object();
  const json::value* stages = variant.if_contains("VariantStatus");
  if (stages == nullptr) return {};
  const json::object& only = stages->as_array().at(0).as_object();
  EXPECT_TRUE(only.contains("StartTime"));
  return std::string(only.at("Status").as_string());
}

TEST_F(Door, a_variant_says_at_which_stage_it_is) {
  make_model("m");
  make_config("one", "m");
  make_config("two", "m", 2);
  start_endpoint("mine", "one");
  const auto pending = [this] {
    return describe("mine").body.at("PendingDeploymentSummary").as_object();
  };
  EXPECT_EQ(stage(pending()), "Creating");
  settle();
  EXPECT_EQ(stage(describe("mine").body), "");

  done("UpdateEndpoint", with_config("mine", "two"));
  EXPECT_EQ(stage(describe("mine").body), "");
  EXPECT_EQ(stage(pending()), "Creating");
  const json::object coming = pending().at("ProductionVariants").as_array().at(0).as_object();
  EXPECT_EQ(coming.at("DesiredInstanceCount").to_number<int>(), 2);
  EXPECT_EQ(coming.at("DesiredWeight").to_number<double>(), 1.0);
  settle();

  done("UpdateEndpointWeightsAndCapacities", R"({"EndpointName":"mine",
      "DesiredWeightsAndCapacities":[{"VariantName":"all","DesiredInstanceCount":3}]})");
  EXPECT_EQ(stage(describe("mine").body), "Updating");
  settle();
  EXPECT_EQ(stage(describe("mine").body), "");
  done("DeleteEndpoint", named("mine"));
  EXPECT_EQ(stage(describe("mine").body), "Deleting");
}

TEST_F(Door, instances_that_come_and_go_do_not_modify_an_endpoint) {
  deploy("mine");
  const auto modified = [this] {
    return describe("mine").body.at("LastModifiedTime").to_number<double>();
  };
  const double before = modified();
  world_.machine().kill(world_.machine().instances().begin()->first, {.status = 1});
  settle();
  EXPECT_EQ(world_.machine().starts().size(), 2U);
  EXPECT_EQ(modified(), before);
  done("UpdateEndpoint", with_config("mine", "mine"));
  settle();
  EXPECT_GT(modified(), before);
}

TEST_F(Door, an_update_from_serverless_to_instances_wants_no_serverless_limits) {
  make_model("mine");
  constexpr std::string_view limits =
      R"({{"EndpointConfigName":"{}","ProductionVariants":[{{"VariantName":"all","ModelName":"mine",
          "ServerlessConfig":{{"MemorySizeInMB":{},"MaxConcurrency":3}}}}]}})";
  done("CreateEndpointConfig", fmt::format(limits, "small", 1024));
  done("CreateEndpointConfig", fmt::format(limits, "large", 2048));
  make_config("instances", "mine");
  start_endpoint("mine", "small");
  settle();
  const auto memory = [](const Answer& endpoint, std::string_view which) {
    return first_variant(endpoint).at(which).as_object().at("MemorySizeInMB").to_number<int>();
  };
  done("UpdateEndpoint", with_config("mine", "large"));
  EXPECT_EQ(memory(describe("mine"), "CurrentServerlessConfig"), 1024);
  EXPECT_EQ(memory(describe("mine"), "DesiredServerlessConfig"), 2048);
  settle();
  done("UpdateEndpoint", with_config("mine", "instances"));
  EXPECT_EQ(memory(describe("mine"), "CurrentServerlessConfig"), 2048);
  EXPECT_FALSE(first_variant(describe("mine")).contains("DesiredServerlessConfig"));
  settle();
  EXPECT_FALSE(first_variant(describe("mine")).contains("CurrentServerlessConfig"));
}

TEST_F(Door, an_endpoint_that_is_not_there_is_named_by_its_arn) {
  const std::string absent = fmt::format("Could not find endpoint \"{}\".", arn("endpoint/none"));
  EXPECT_EQ(refused("DescribeEndpoint", named("none")), absent);
  EXPECT_EQ(refused("DeleteEndpoint", named("none")), absent);
  EXPECT_EQ(refused("UpdateEndpoint", with_config("none", "c")), absent);
}

TEST_F(Door, an_endpoint_needs_a_configuration_that_is_there_and_a_name_that_is_free) {
  EXPECT_EQ(
      refused("CreateEndpoint", with_config("mine", "none")),
      fmt::format("Could not find endpoint configuration \"{}\".", arn("endpoint-config/none")));
  deploy("mine");
  EXPECT_EQ(refused("CreateEndpoint", with_config("MINE", "mine")),
            fmt::format("Cannot create already existing endpoint \"{}\".", arn("endpoint/mine")));
}

TEST_F(Door, while_an_endpoint_is_in_progress_nothing_may_change_it) {
  make_model("m");
  make_config("c", "m");
  start_endpoint("mine", "c");
  const std::string busy =
      fmt::format("Cannot update in-progress endpoint \"{}\".", arn("endpoint/mine"));
  EXPECT_EQ(refused("UpdateEndpoint", with_config("mine", "c")), busy);
  EXPECT_EQ(refused("DeleteEndpoint", named("mine")), busy);
  settle();
  done("DeleteEndpoint", named("mine"));
  EXPECT_EQ(refused("DeleteEndpoint", named("mine")), busy);
}

TEST_F(Door, a_failed_endpoint_says_why_and_can_only_be_deleted) {
  make_model("bad", "dies");
  make_config("bad", "bad");
  start_endpoint("mine", "bad");
  settle();
  const Answer endpoint = describe("mine");
  EXPECT_EQ(endpoint.text("EndpointStatus"), "Failed");
  EXPECT_THAT(endpoint.text("FailureReason"), HasSubstr("exited with status 1"));
  EXPECT_THAT(refused("UpdateEndpoint", with_config("mine", "bad")),
              HasSubstr("DeleteEndpoint is the only operation"));
  done("DeleteEndpoint", named("mine"));
  settle();
  EXPECT_EQ(ask("DescribeEndpoint", named("mine")).status, 400);
}

TEST_F(Door, an_update_shows_the_old_deployment_until_the_new_one_serves) {
  deploy("mine");
  make_config("next", "mine", 2);
  done("UpdateEndpoint", with_config("mine", "next"));
  const Answer updating = describe("mine");
  EXPECT_EQ(updating.text("EndpointStatus"), "Updating");
  EXPECT_EQ(updating.text("EndpointConfigName"), "mine");
  const json::object& pending = updating.body.at("PendingDeploymentSummary").as_object();
  EXPECT_EQ(pending.at("EndpointConfigName").as_string(), "next");
  settle();
  EXPECT_EQ(describe("mine").text("EndpointConfigName"), "next");
  EXPECT_FALSE(describe("mine").has("PendingDeploymentSummary"));
}

TEST_F(Door, an_update_to_the_same_configuration_deploys_anew) {
  deploy("mine");
  done("UpdateEndpoint", with_config("mine", "mine"));
  EXPECT_EQ(describe("mine").text("EndpointStatus"), "Updating");
  settle();
  EXPECT_EQ(describe("mine").text("EndpointStatus"), "InService");
  EXPECT_EQ(world_.machine().starts().size(), 2U);
}

TEST_F(Door, an_update_that_fails_leaves_the_old_in_service_with_the_reason) {
  deploy("mine");
  make_model("bad", "dies");
  make_config("bad", "bad", 2);
  done("UpdateEndpoint", with_config("mine", "bad"));
  settle();
  const Answer endpoint = describe("mine");
  EXPECT_EQ(endpoint.text("EndpointStatus"), "InService");
  EXPECT_EQ(endpoint.text("EndpointConfigName"), "mine");
  EXPECT_THAT(endpoint.text("FailureReason"), HasSubstr("exited with status 1"));
  EXPECT_EQ(first_variant(endpoint).at("DesiredInstanceCount").to_number<int>(), 1);
}

constexpr std::string_view three_instances = R"({"EndpointName":"mine",
    "DesiredWeightsAndCapacities":[{"VariantName":"all","DesiredInstanceCount":3}]})";

TEST_F(Door, weights_and_counts_change_in_place) {
  deploy("mine");
  done("UpdateEndpointWeightsAndCapacities", three_instances);
  const Answer updating = describe("mine");
  EXPECT_EQ(updating.text("EndpointStatus"), "Updating");
  EXPECT_EQ(first_variant(updating).at("CurrentInstanceCount").to_number<int>(), 1);
  EXPECT_EQ(first_variant(updating).at("DesiredInstanceCount").to_number<int>(), 3);
  settle();
  EXPECT_EQ(first_variant(describe("mine")).at("CurrentInstanceCount").to_number<int>(), 3);
}

TEST_F(Door, after_an_update_that_failed_counts_change_of_what_serves) {
  deploy("mine");
  make_model("bad", "dies");
  make_config("bad", "bad");
  done("UpdateEndpoint", with_config("mine", "bad"));
  settle();
  done("UpdateEndpointWeightsAndCapacities", three_instances);
  EXPECT_FALSE(describe("mine").has("PendingDeploymentSummary"));
  settle();
  const Answer endpoint = describe("mine");
  EXPECT_EQ(endpoint.text("EndpointStatus"), "InService");
  EXPECT_EQ(endpoint.text("EndpointConfigName"), "mine");
  EXPECT_FALSE(endpoint.has("FailureReason"));
  EXPECT_EQ(first_variant(endpoint).at("CurrentInstanceCount").to_number<int>(), 3);
}

TEST_F(Door, a_variant_that_the_endpoint_does_not_have_is_named) {
  deploy("mine");
  EXPECT_EQ(refused("UpdateEndpointWeightsAndCapacities", R"({"EndpointName":"mine",
      "DesiredWeightsAndCapacities":[{"VariantName":"other","DesiredWeight":1}]})"),
            "The variant name(s) \"other\" is/are not present within endpoint configuration "
            "\"mine\".");
}

TEST_F(Door, an_update_may_retain_what_was_changed_in_place) {
  deploy("mine");
  done("UpdateEndpointWeightsAndCapacities", three_instances);
  settle();
  done("UpdateEndpoint", R"({"EndpointName":"mine","EndpointConfigName":"mine",
                             "RetainAllVariantProperties":true})");
  settle();
  EXPECT_EQ(first_variant(describe("mine")).at("CurrentInstanceCount").to_number<int>(), 3);
  done("UpdateEndpoint", with_config("mine", "mine"));
  settle();
  EXPECT_EQ(first_variant(describe("mine")).at("CurrentInstanceCount").to_number<int>(), 1);
}

// What is retained is what serves, as DescribeEndpoint shows it, and not what came to nothing.
TEST_F(Door, an_update_after_one_that_failed_retains_what_serves) {
  deploy("mine");
  done("UpdateEndpointWeightsAndCapacities", three_instances);
  settle();
  make_model("bad", "dies");
  make_config("bad", "bad", 2);
  done("UpdateEndpoint", with_config("mine", "bad"));
  settle();
  EXPECT_TRUE(describe("mine").has("FailureReason"));
  done("UpdateEndpoint", R"({"EndpointName":"mine","EndpointConfigName":"mine",
                             "RetainAllVariantProperties":true})");
  settle();
  EXPECT_EQ(first_variant(describe("mine")).at("CurrentInstanceCount").to_number<int>(), 3);
}

TEST_F(Door, a_serverless_endpoint_stays_one_when_its_update_to_instances_fails) {
  make_model("mine");
  done("CreateEndpointConfig", R"({"EndpointConfigName":"less","ProductionVariants":[
      {"VariantName":"all","ModelName":"mine",
       "ServerlessConfig":{"MemorySizeInMB":1024,"MaxConcurrency":3}}]})");
  start_endpoint("mine", "less");
  settle();
  make_model("bad", "dies");
  make_config("counted", "bad");
  done("UpdateEndpoint", with_config("mine", "counted"));
  settle();
  EXPECT_EQ(describe("mine").text("EndpointConfigName"), "less");
  done("UpdateEndpoint", with_config("mine", "less"));
  settle();
  EXPECT_EQ(describe("mine").text("EndpointStatus"), "InService");
  EXPECT_FALSE(describe("mine").has("FailureReason"));
}

// Serverless instances are no count: there is none to retain.
TEST_F(Door, an_update_from_serverless_that_retains_has_the_instances_that_it_asks_for) {
  make_model("mine");
  done("CreateEndpointConfig", R"({"EndpointConfigName":"less","ProductionVariants":[
      {"VariantName":"all","ModelName":"mine",
       "ServerlessConfig":{"MemorySizeInMB":1024,"MaxConcurrency":3}}]})");
  make_config("counted", "mine", 2);
  start_endpoint("mine", "less");
  settle();
  done("UpdateEndpoint", R"({"EndpointName":"mine","EndpointConfigName":"counted",
                             "RetainAllVariantProperties":true})");
  settle();
  EXPECT_EQ(first_variant(describe("mine")).at("CurrentInstanceCount").to_number<int>(), 2);
}

TEST_F(Door, a_deleted_endpoint_is_deleting_and_then_its_name_is_free_in_any_case) {
  deploy("mine");
  done("DeleteEndpoint", named("mine"));
  EXPECT_EQ(describe("mine").text("EndpointStatus"), "Deleting");
  settle();
  EXPECT_EQ(ask("DescribeEndpoint", named("mine")).status, 400);
  start_endpoint("Mine", "mine");
  settle();
  EXPECT_EQ(describe("Mine").text("EndpointStatus"), "InService");
}

TEST_F(Door, a_deployment_config_is_echoed_and_one_that_is_not_built_is_refused) {
  make_model("m");
  make_config("c", "m");
  done("CreateEndpoint", R"({"EndpointName":"mine","EndpointConfigName":"c","DeploymentConfig":{
      "BlueGreenUpdatePolicy":{"TrafficRoutingConfiguration":{"Type":"ALL_AT_ONCE",
      "WaitIntervalInSeconds":0}}}})");
  EXPECT_TRUE(describe("mine").has("LastDeploymentConfig"));
  EXPECT_THAT(refused("CreateEndpoint", R"({"EndpointName":"other","EndpointConfigName":"c",
      "DeploymentConfig":{"BlueGreenUpdatePolicy":{"TrafficRoutingConfiguration":{"Type":"LINEAR",
      "WaitIntervalInSeconds":0,"LinearStepSize":{"Type":"CAPACITY_PERCENT","Value":20}}}}})"),
              HasSubstr("ALL_AT_ONCE"));
}

struct NotBuilt {
  std::string_view what;
  std::string_view config;  // what stands in it beside its name
};

TEST_F(Door, what_a_configuration_asks_for_and_is_not_built_is_named_when_it_is_deployed) {
  make_model("m");
  constexpr std::string_view plain =
      R"("ProductionVariants":[{"VariantName":"a","ModelName":"m","InstanceType":"ml.m5.large"}])";
  const std::string explained = fmt::format(
      R"({},"ExplainerConfig":{{"ClarifyExplainerConfig":{{"ShapConfig":{{
          "ShapBaselineConfig":{{}}}}}}}})",
      plain);
  const NotBuilt cases[] = {{"ExplainerConfig", explained}};
  for (const NotBuilt& each : cases) {
    const std::string name = fmt::format("c-{}", each.what);
    done("CreateEndpointConfig",
         fmt::format(R"({{"EndpointConfigName":"{}",{}}})", name, each.config));
    EXPECT_THAT(refused("CreateEndpoint", with_config("mine", name)), HasSubstr(each.what));
  }
}

TEST_F(Door, an_instance_is_told_the_version_of_its_image_and_not_another) {
  done("CreateModel", R"({"ModelName":"m","PrimaryContainer":{"Image":"x/y/slipway-inference:3.0-5",
      "Environment":{"SLIPWAY_IMAGE":"mine"}}})");
  make_config("c", "m");
  start_endpoint("mine", "c");
  settle();
  ASSERT_EQ(world_.machine().instances().size(), 1U);
  const auto& environment = world_.machine().instances().begin()->second.spec.environment;
  EXPECT_EQ(environment.at("SLIPWAY_IMAGE"), "slipway-inference:3.0-5");
}

TEST_F(Door, the_archive_of_a_script_reaches_the_instances_as_a_directory) {
  done("CreateModel", R"({"ModelName":"m","PrimaryContainer":{"Image":"x/slipway-inference:1",
      "Environment":{"SAGEMAKER_PROGRAM":"inference.py",
                     "SAGEMAKER_SUBMIT_DIRECTORY":"s3://b/sourcedir.tar.gz"}}})");
  make_config("c", "m");
  start_endpoint("mine", "c");
  settle();
  ASSERT_EQ(world_.machine().instances().size(), 1U);
  const auto& environment = world_.machine().instances().begin()->second.spec.environment;
  EXPECT_THAT(environment.at("SAGEMAKER_SUBMIT_DIRECTORY"), testing::StartsWith("/simulated/"));
  EXPECT_EQ(environment.at("SAGEMAKER_PROGRAM"), "inference.py");
}

}  // namespace
}  // namespace slipway::sagemaker
