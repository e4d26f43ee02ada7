#include "service/sagemaker/instance_types.h"
#include "service/sagemaker/log_stream.h"
#include "service/sagemaker/test_door.h"

namespace slipway::sagemaker {
namespace {

using testing::HasSubstr;

constexpr std::string_view no_room =
    "There is not enough hardware resources on the instances for this endpoint to create a copy of "
    "the inference component.";

// An endpoint of `count` ml.m5.xlarge (4 vCPUs, 16 GiB) without models.
class ComponentDoor : public Door {
 protected:
  void make_host(std::string_view name, unsigned count) {
    host_config(name, count);
    start_endpoint(name, name);
    settle();
    make_model("m");
  }
  void host_config(std::string_view name, unsigned count, std::string_view variant = "all") {
    done("CreateEndpointConfig",
         fmt::format(R"({{"EndpointConfigName":"{}","ExecutionRoleArn":"{}","ProductionVariants":[
           {{"VariantName":"{}","InstanceType":"ml.m5.xlarge","InitialInstanceCount":{}}}]}})",
                     name, role, variant, count));
  }
  static std::string component(std::string_view name, std::string_view endpoint, double cpus,
                               unsigned copies, std::string_view model = "m") {
    return fmt::format(
        R"({{"InferenceComponentName":"{}","EndpointName":"{}","VariantName":"all",
             "Specification":{{"ModelName":"{}","ComputeResourceRequirements":{{
               "NumberOfCpuCoresRequired":{},"MinMemoryRequiredInMb":1024,
               "MaxMemoryRequiredInMb":2048}}}},"RuntimeConfig":{{"CopyCount":{}}}}})",
        name, endpoint, model, cpus, copies);
  }
  void host(std::string_view name, std::string_view endpoint, double cpus, unsigned copies) {
    done("CreateInferenceComponent", component(name, endpoint, cpus, copies));
    settle();
  }
  Answer look(std::string_view name) { return done("DescribeInferenceComponent", called(name)); }
  static std::string called(std::string_view name) {
    return fmt::format(R"({{"InferenceComponentName":"{}"}})", name);
  }
  static std::string copies(std::string_view name, unsigned count) {
    return fmt::format(
        R"({{"InferenceComponentName":"{}","DesiredRuntimeConfig":{{"CopyCount":{}}}}})", name,
        count);
  }
  static int runtime(const Answer& answer, std::string_view member) {
    return answer.body.at("RuntimeConfig").as_object().at(member).to_number<int>();
  }
  std::size_t running() { return world_.machine().running(); }

  static constexpr std::string_view role = "arn:aws:iam::000000000000:role/r";
};

TEST_F(ComponentDoor, an_endpoint_without_models_is_in_service_and_runs_nothing) {
  make_host("h", 2);
  const Answer endpoint = describe("h");
  EXPECT_EQ(endpoint.text("EndpointStatus"), "InService");
  const auto& variant = endpoint.body.at("ProductionVariants").as_array().at(0).as_object();
  EXPECT_EQ(variant.at("CurrentInstanceCount").to_number<int>(), 2);
  EXPECT_FALSE(variant.contains("DeployedImages"));
  EXPECT_TRUE(world_.machine().instances().empty());
}

TEST_F(ComponentDoor, a_component_is_creating_and_then_in_service_with_its_copies) {
  make_host("h", 1);
  done("CreateInferenceComponent", component("c", "h", 1, 2));
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "Creating");
  settle();
  const Answer seen = look("c");
  EXPECT_EQ(seen.text("InferenceComponentStatus"), "InService");
  EXPECT_EQ(seen.text("InferenceComponentArn"), arn("inference-component/c"));
  EXPECT_EQ(seen.text("EndpointArn"), arn("endpoint/h"));
  EXPECT_EQ(seen.text("VariantName"), "all");
  EXPECT_EQ(runtime(seen, "DesiredCopyCount"), 2);
  EXPECT_EQ(runtime(seen, "CurrentCopyCount"), 2);
  const auto& given = seen.body.at("Specification").as_object();
  EXPECT_EQ(given.at("ModelName").as_string(), "m");
  EXPECT_FALSE(seen.has("FailureReason"));
  EXPECT_EQ(running(), 2U);
}

TEST_F(ComponentDoor, max_memory_is_the_limit_of_each_copy) {
  make_host("h", 1);
  host("c", "h", 1, 1);
  const auto& instance = world_.machine().instances().begin()->second;
  EXPECT_EQ(instance.spec.memory_bytes_max, 2048ULL * 1024 * 1024);
}

TEST_F(ComponentDoor, a_component_that_does_not_fit_fails_and_comes_up_when_there_is_room) {
  make_host("h", 1);
  host("first", "h", 3, 1);
  host("second", "h", 1.5, 1);
  Answer second = look("second");
  EXPECT_EQ(second.text("InferenceComponentStatus"), "Failed");
  EXPECT_EQ(second.text("FailureReason"), no_room);
  EXPECT_EQ(running(), 1U);
  done("DeleteInferenceComponent", called("first"));
  settle();
  second = look("second");
  EXPECT_EQ(second.text("InferenceComponentStatus"), "InService");
  EXPECT_FALSE(second.has("FailureReason"));
}

TEST_F(ComponentDoor, more_instances_of_the_endpoint_are_more_room_and_fewer_are_less) {
  make_host("h", 1);
  host("c", "h", 4, 1);
  done("UpdateInferenceComponentRuntimeConfig", copies("c", 2));
  settle();
  Answer seen = look("c");
  EXPECT_EQ(seen.text("InferenceComponentStatus"), "InService");
  EXPECT_EQ(seen.text("FailureReason"), no_room);
  EXPECT_EQ(runtime(seen, "CurrentCopyCount"), 1);
  const auto resize = [&](unsigned count) {
    done("UpdateEndpointWeightsAndCapacities",
         fmt::format(R"({{"EndpointName":"h","DesiredWeightsAndCapacities":[
             {{"VariantName":"all","DesiredInstanceCount":{}}}]}})",
                     count));
    settle();
  };
  resize(2);
  seen = look("c");
  EXPECT_EQ(runtime(seen, "CurrentCopyCount"), 2);
  EXPECT_FALSE(seen.has("FailureReason"));
  resize(1);
  EXPECT_EQ(runtime(look("c"), "CurrentCopyCount"), 1);
  host_config("three", 3);
  done("UpdateEndpoint", R"({"EndpointName":"h","EndpointConfigName":"three"})");
  settle();
  EXPECT_EQ(runtime(look("c"), "CurrentCopyCount"), 2);
}

TEST_F(ComponentDoor, copies_go_to_none_and_come_back) {
  make_host("h", 1);
  host("c", "h", 1, 2);
  done("UpdateInferenceComponentRuntimeConfig", copies("c", 0));
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "Updating");
  settle();
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "InService");
  EXPECT_EQ(runtime(look("c"), "CurrentCopyCount"), 0);
  EXPECT_EQ(running(), 0U);
  done("UpdateInferenceComponentRuntimeConfig", copies("c", 1));
  settle();
  EXPECT_EQ(runtime(look("c"), "CurrentCopyCount"), 1);
}

TEST_F(ComponentDoor, an_update_changes_what_it_names_and_a_failed_one_leaves_the_old_serving) {
  make_host("h", 1);
  host("c", "h", 1, 1);
  make_model("bad", "dies");
  done("UpdateInferenceComponent",
       R"({"InferenceComponentName":"c","Specification":{"ModelName":"bad"}})");
  EXPECT_EQ(look("c").body.at("Specification").as_object().at("ModelName").as_string(), "m")
      << "what serves is shown";
  settle();
  const Answer seen = look("c");
  EXPECT_EQ(seen.text("InferenceComponentStatus"), "InService");
  EXPECT_THAT(seen.text("FailureReason"), HasSubstr("exited with status 1"));
  EXPECT_EQ(seen.body.at("Specification").as_object().at("ModelName").as_string(), "m");
  make_model("next");
  done("UpdateInferenceComponent", R"({"InferenceComponentName":"c","Specification":{
      "ModelName":"next"},"RuntimeConfig":{"CopyCount":2}})");
  settle();
  const auto next = look("c");
  const auto& given = next.body.at("Specification").as_object();
  EXPECT_EQ(given.at("ModelName").as_string(), "next");
  EXPECT_TRUE(given.contains("ComputeResourceRequirements")) << "not named, so kept";
  EXPECT_EQ(runtime(next, "CurrentCopyCount"), 2);
  EXPECT_FALSE(next.has("FailureReason"));
  EXPECT_EQ(running(), 2U);
}

TEST_F(ComponentDoor, an_update_that_has_no_room_is_refused_and_changes_nothing) {
  make_host("h", 1);
  host("c", "h", 1, 2);
  EXPECT_EQ(refused("UpdateInferenceComponent", R"({"InferenceComponentName":"c",
      "Specification":{"ComputeResourceRequirements":{"NumberOfCpuCoresRequired":2.5,
        "MinMemoryRequiredInMb":1024}}})"),
            no_room);
  settle();
  EXPECT_EQ(runtime(look("c"), "CurrentCopyCount"), 2);
  EXPECT_THAT(refused("UpdateInferenceComponent", called("c")),
              HasSubstr("Either Specification or RuntimeConfig"));
}

TEST_F(ComponentDoor, a_component_of_a_model_that_dies_fails_and_an_update_tries_anew) {
  make_host("h", 1);
  make_model("bad", "dies");
  done("CreateInferenceComponent", component("c", "h", 1, 1, "bad"));
  settle();
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "Failed");
  EXPECT_THAT(look("c").text("FailureReason"), HasSubstr("exited with status 1"));
  done("UpdateInferenceComponent",
       R"({"InferenceComponentName":"c","Specification":{"ModelName":"m"}})");
  settle();
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "InService");
}

TEST_F(ComponentDoor, while_a_component_is_in_progress_nothing_may_change_it) {
  make_host("h", 1);
  done("CreateInferenceComponent", component("c", "h", 1, 1));
  EXPECT_THAT(refused("DeleteInferenceComponent", called("c")), HasSubstr("CREATE_IN_PROGRESS"));
  settle();
  done("DeleteInferenceComponent", called("c"));
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "Deleting");
  EXPECT_THAT(refused("DeleteInferenceComponent", called("c")), HasSubstr("DELETE_IN_PROGRESS"));
  EXPECT_THAT(refused("CreateInferenceComponent", component("c", "h", 1, 1)),
              HasSubstr("Cannot create already existing inference component"));
  settle();
  EXPECT_EQ(
      refused("DescribeInferenceComponent", called("c")),
      fmt::format("Could not find inference component \"{}\".", arn("inference-component/c")));
  EXPECT_EQ(running(), 0U);
  host("c", "h", 1, 1);
  EXPECT_EQ(look("c").text("InferenceComponentStatus"), "InService");
}

TEST_F(ComponentDoor, an_endpoint_stays_while_it_hosts_components) {
  make_host("h", 1);
  host("c", "h", 1, 1);
  EXPECT_THAT(refused("DeleteEndpoint", named("h")), HasSubstr("\"c\""));
  make_config("own", "m");
  EXPECT_THAT(refused("UpdateEndpoint", R"({"EndpointName":"h","EndpointConfigName":"own"})"),
              HasSubstr("no variant for the inference component(s) \"c\""));
  done("DeleteInferenceComponent", called("c"));
  settle();
  done("DeleteEndpoint", named("h"));
  settle();
  EXPECT_EQ(ask("DescribeEndpoint", named("h")).status, 400);
}

struct Refused {
  std::string_view request;  // without its name
  std::string_view says;
};

TEST_F(ComponentDoor, what_a_component_lacks_or_asks_for_in_vain_is_named) {
  make_host("h", 1);
  deploy("plain");
  constexpr std::string_view needs =
      R"("ComputeResourceRequirements":{"MinMemoryRequiredInMb":128})";
  const auto with = [&](std::string_view endpoint, std::string_view specification,
                        std::string_view more = R"("RuntimeConfig":{"CopyCount":1})") {
    return fmt::format(
        R"({{"InferenceComponentName":"c","EndpointName":"{}","Specification":{{{}}},{}}})",
        endpoint, specification, more);
  };
  const auto expect = [&](const std::string& request, std::string_view says) {
    EXPECT_THAT(refused("CreateInferenceComponent", request), HasSubstr(std::string(says)));
  };
  const std::string model = fmt::format(R"("ModelName":"m",{})", needs);
  expect(with("none", model), "Could not find endpoint");
  expect(with("plain", model), "Inference Components are not supported in this Endpoint.");
  expect(with("h", needs), "Exactly one of ModelName and Container");
  expect(with("h", R"("ModelName":"m")"), "ComputeResourceRequirements is required");
  expect(with("h", fmt::format(R"("ModelName":"none",{})", needs)), "Could not find model");
  expect(with("h", model, R"("RuntimeConfig":{"CopyCount":0})"), "larger than 0");
  expect(with("h", model, R"("VariantName":"other","RuntimeConfig":{"CopyCount":1})"),
         "Could not find variant \"other\"");
  expect(with("h", R"("BaseInferenceComponentName":"b")"), "an adapter component");
  expect(with("h", R"("ModelName":"m","ComputeResourceRequirements":{
      "MinMemoryRequiredInMb":256,"MaxMemoryRequiredInMb":128})"),
         "MaxMemoryRequiredInMb must not be less");
  expect(with("h", fmt::format(R"("Container":{{"ArtifactUrl":"s3://b/k"}},{})", needs)),
         "must name an Image");
  done("CreateInferenceComponent", with("h", model));
}

TEST_F(ComponentDoor, a_component_runs_a_container_of_its_own_with_its_artifact) {
  make_host("h", 1);
  done("CreateInferenceComponent", R"({"InferenceComponentName":"c","EndpointName":"h",
      "Specification":{"Container":{"Image":"x/slipway-inference:1","ArtifactUrl":"s3://b/m.tar.gz",
        "Environment":{"COLOUR":"blue"}},"StartupParameters":{
        "ContainerStartupHealthCheckTimeoutInSeconds":120},
        "ComputeResourceRequirements":{"MinMemoryRequiredInMb":128}},
      "RuntimeConfig":{"CopyCount":1}})");
  settle();
  const Answer seen = look("c");
  EXPECT_EQ(seen.text("InferenceComponentStatus"), "InService");
  const auto& container = seen.body.at("Specification").at("Container").as_object();
  EXPECT_EQ(container.at("ArtifactUrl").as_string(), "s3://b/m.tar.gz");
  EXPECT_EQ(container.at("DeployedImage").at("SpecifiedImage").as_string(),
            "x/slipway-inference:1");
  EXPECT_EQ(world_.machine().instances().begin()->second.spec.environment.at("COLOUR"), "blue");
}

TEST_F(ComponentDoor, components_are_listed_by_endpoint_variant_and_status) {
  make_host("h", 1);
  host_config("g", 1);
  start_endpoint("g", "g");
  settle();
  host("a", "h", 1, 1);
  host("b", "h", 9, 1);
  host("c", "g", 1, 1);
  const auto names = [&](std::string_view query) {
    std::string text;
    const Answer page = done("ListInferenceComponents", query);
    for (const auto& each : page.body.at("InferenceComponents").as_array())
      text += each.as_object().at("InferenceComponentName").as_string();
    return text;
  };
  EXPECT_EQ(names(R"({"SortBy":"Name","SortOrder":"Ascending"})"), "abc");
  EXPECT_EQ(names(R"({"EndpointNameEquals":"h","SortBy":"Name"})"), "ba");
  EXPECT_EQ(names(R"({"StatusEquals":"Failed"})"), "b");
  EXPECT_EQ(names(R"({"VariantNameEquals":"other"})"), "");
  const Answer page = done("ListInferenceComponents", R"({"MaxResults":2,"SortBy":"Name"})");
  EXPECT_TRUE(page.has("NextToken"));
}

TEST_F(ComponentDoor, a_configuration_for_components_needs_a_role_and_no_models) {
  make_model("m");
  constexpr std::string_view bare = R"({"VariantName":"a","InstanceType":"ml.m5.large"})";
  EXPECT_THAT(
      refused("CreateEndpointConfig",
              fmt::format(R"({{"EndpointConfigName":"c","ProductionVariants":[{}]}})", bare)),
      HasSubstr("ExecutionRoleArn is required"));
  EXPECT_THAT(refused("CreateEndpointConfig",
                      fmt::format(R"({{"EndpointConfigName":"c","ExecutionRoleArn":"{}",
                  "ProductionVariants":[{},{{"VariantName":"b","InstanceType":"ml.m5.large",
                  "ModelName":"m"}}]}})",
                                  role, bare)),
              HasSubstr("Either all production variants have a ModelName"));
}

TEST(InstanceTypes, offer_what_aws_publishes) {
  EXPECT_EQ(resources_of("ml.m5.xlarge"), (fleet::Resources{4, 16384, 0}));
  EXPECT_EQ(resources_of("ml.c5.9xlarge"), (fleet::Resources{36, 72 * 1024, 0}));
  EXPECT_EQ(resources_of("ml.r5.large"), (fleet::Resources{2, 16384, 0}));
  EXPECT_EQ(resources_of("ml.c4.large"), (fleet::Resources{2, 3840, 0}));
  EXPECT_EQ(resources_of("ml.t2.medium"), (fleet::Resources{2, 4096, 0}));
  EXPECT_EQ(resources_of("ml.g5.12xlarge"), (fleet::Resources{48, 192 * 1024, 4}));
  EXPECT_EQ(resources_of("ml.inf2.48xlarge"), (fleet::Resources{192, 768 * 1024, 12}));
  for (const std::string_view unknown :
       {"m5.xlarge", "ml.m5", "ml.m5.", "ml.m5.0xlarge", "ml.x9.large", "ml.m5.xxlarge", ""})
    EXPECT_EQ(resources_of(unknown), std::nullopt) << unknown;
}

TEST(LogStream, of_a_component_s_copy_stands_in_the_component_s_group) {
  const auto labels =
      labels_of({.fleet = {"0/us-east-1/h:c"}, .generation = 7, .variant = "all", .number = "3"});
  EXPECT_EQ(labels.log_space, "0/us-east-1");
  EXPECT_EQ(labels.log_group, "/aws/sagemaker/InferenceComponents/c");
  EXPECT_EQ(labels.log_stream, "all/i-7-3");
  EXPECT_EQ(labels_of_older({"fleet/0/us-east-1/h:c/7/all/3"}), labels);
}

TEST(LogStream, of_one_of_several_containers_names_it_behind_the_instance) {
  EXPECT_EQ(labels_of_older({"fleet/0/us-east-1/e/7/all.first/3"}).log_stream, "all/i-7-3/first");
}

TEST(LogStream, of_a_transform_job_s_instance_stands_in_the_jobs_group) {
  const auto labels = labels_of_older({"fleet/0/us-east-1/job/transform/7/all/3"});
  EXPECT_EQ(labels.log_group, "/aws/sagemaker/TransformJobs");
  EXPECT_EQ(labels.log_stream, "job/i-7-3");
}

TEST(LogStream, of_an_installation_stands_beside_the_instances) {
  const auto labels = labels_of({.fleet = {"0/us-east-1/e"},
                                 .generation = 7,
                                 .variant = "all",
                                 .kind = fleet::InstanceName::Kind::packages});
  EXPECT_EQ(labels.log_group, "/aws/sagemaker/Endpoints/e");
  EXPECT_EQ(labels.log_stream, "all/packages-7");
  const auto older = labels_of_older({"environment/0/us-east-1/e/7/all/0a"});
  EXPECT_EQ(older.log_group, labels.log_group);
  EXPECT_EQ(older.log_stream, "all/packages-7-0a");
}

}  // namespace
}  // namespace slipway::sagemaker
