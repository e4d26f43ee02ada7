#include "service/sagemaker/test_door.h"

namespace slipway::sagemaker {
namespace {

using testing::HasSubstr;

TEST_F(Door, a_model_is_described_as_it_was_given_and_what_was_not_given_is_absent) {
  make_model("Mine");
  const Answer model = done("DescribeModel", R"({"ModelName":"Mine"})");
  EXPECT_EQ(model.text("ModelName"), "Mine");
  EXPECT_EQ(model.text("ModelArn"), arn("model/mine"));
  const json::object& container = model.body.at("PrimaryContainer").as_object();
  EXPECT_EQ(container.at("ModelDataUrl").as_string(), "https://somewhere/model.tar.gz");
  EXPECT_EQ(container.at("Mode").as_string(), "SingleModel");
  EXPECT_FALSE(container.contains("ModelDataSource"));
  EXPECT_EQ(model.body.at("EnableNetworkIsolation").as_bool(), false);
  for (const std::string_view absent : {"VpcConfig", "Containers", "InferenceExecutionConfig"})
    EXPECT_FALSE(model.has(absent)) << absent;
}

TEST_F(Door, a_name_is_taken_once_whatever_its_case) {
  make_model("mine");
  const std::string again = R"({"ModelName":"MINE","PrimaryContainer":{"Image":"a/b:1"}})";
  EXPECT_EQ(refused("CreateModel", again),
            fmt::format("Cannot create already existing model \"{}\".", arn("model/mine")));
}

TEST_F(Door, a_model_that_is_not_there_is_named_by_its_arn) {
  const std::string absent = fmt::format("Could not find model \"{}\".", arn("model/nobody"));
  EXPECT_EQ(refused("DescribeModel", R"({"ModelName":"nobody"})"), absent);
  EXPECT_EQ(refused("DeleteModel", R"({"ModelName":"nobody"})"), absent);
  make_model("nobody");
  done("DeleteModel", R"({"ModelName":"nobody"})");
  EXPECT_EQ(refused("DescribeModel", R"({"ModelName":"nobody"})"), absent);
}

TEST_F(Door, model_data_is_looked_for_when_the_model_is_made) {
  EXPECT_EQ(refused("CreateModel", R"({"ModelName":"m","PrimaryContainer":{"Image":"a/b:1",
                                       "ModelDataUrl":"s3://bucket/none.tar.gz"}})"),
            "Could not find model data at s3://bucket/none.tar.gz.");
}

TEST_F(Door, many_models_stand_below_a_prefix) {
  const auto refusal = [this](std::string_view data) {
    return refused("CreateModel",
                   fmt::format(R"({{"ModelName":"m","PrimaryContainer":{{"Image":"a/b:1",
                                   "Mode":"MultiModel"{}}}}})",
                               data));
  };
  EXPECT_THAT(refusal(""), HasSubstr("needs a ModelDataUrl"));
  EXPECT_THAT(refusal(R"(,"ModelDataUrl":"s3://bucket/one.tar.gz")"),
              HasSubstr("is an object; in Mode MultiModel it is the prefix"));
  done("CreateModel", R"({"ModelName":"m","PrimaryContainer":{"Image":"a/b:1","Mode":"MultiModel",
                          "ModelDataUrl":"s3://bucket/models"}})");
}

TEST_F(Door, a_source_that_is_a_prefix_ends_with_a_slash_and_an_object_is_there) {
  const auto refusal = [this](std::string_view uri, std::string_view type) {
    return refused("CreateModel", fmt::format(R"({{"ModelName":"m","PrimaryContainer":{{
        "Image":"a/b:1","ModelDataSource":{{"S3DataSource":{{"S3Uri":"{}","S3DataType":"{}",
        "CompressionType":"None"}}}}}}}})",
                                              uri, type));
  };
  EXPECT_THAT(refusal("s3://bucket/models", "S3Prefix"), HasSubstr("forward slash"));
  EXPECT_EQ(refusal("s3://bucket/none", "S3Object"),
            "Could not find model data at s3://bucket/none.");
}

TEST_F(Door, a_model_has_either_one_container_or_a_list) {
  EXPECT_THAT(refused("CreateModel", R"({"ModelName":"m"})"), HasSubstr("Exactly one"));
  EXPECT_THAT(refused("CreateModel", R"({"ModelName":"m","PrimaryContainer":{"Image":"a/b:1"},
                                         "Containers":[{"Image":"a/b:1"}]})"),
              HasSubstr("Exactly one"));
  EXPECT_THAT(refused("CreateModel", R"({"ModelName":"m","PrimaryContainer":{}})"),
              HasSubstr("Image"));
}

TEST_F(Door, a_configuration_is_described_as_it_was_given) {
  make_model("m");
  make_config("c", "m", 3);
  const Answer config = done("DescribeEndpointConfig", R"({"EndpointConfigName":"c"})");
  EXPECT_EQ(config.text("EndpointConfigArn"), arn("endpoint-config/c"));
  const json::object& variant = config.body.at("ProductionVariants").as_array()[0].as_object();
  EXPECT_EQ(variant.at("InitialInstanceCount").to_number<int>(), 3);
  EXPECT_EQ(variant.at("InstanceType").as_string(), "ml.m5.large");
  for (const std::string_view absent : {"DataCaptureConfig", "AsyncInferenceConfig", "KmsKeyId"})
    EXPECT_FALSE(config.has(absent)) << absent;
}

TEST_F(Door, a_configuration_says_what_a_variant_has_by_default) {
  make_model("m");
  done("CreateEndpointConfig", R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"all","ModelName":"m","InstanceType":"ml.m5.large"}]})");
  done("CreateEndpointConfig", R"({"EndpointConfigName":"s","ProductionVariants":[
      {"VariantName":"all","ModelName":"m",
       "ServerlessConfig":{"MemorySizeInMB":1024,"MaxConcurrency":1}}]})");
  const auto variant = [this](std::string_view name) {
    const Answer config =
        done("DescribeEndpointConfig", fmt::format(R"({{"EndpointConfigName":"{}"}})", name));
    return config.body.at("ProductionVariants").as_array()[0].as_object();
  };
  EXPECT_EQ(variant("c").at("InitialVariantWeight").to_number<double>(), 1.0);
  EXPECT_EQ(variant("c").at("InitialInstanceCount").to_number<int>(), 1);
  EXPECT_EQ(variant("s").at("InitialVariantWeight").to_number<double>(), 1.0);
  EXPECT_FALSE(variant("s").contains("InitialInstanceCount"));
}

TEST_F(Door, an_instance_type_is_one_of_those_that_there_are) {
  make_model("m");
  EXPECT_THAT(refused("CreateEndpointConfig", R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"all","ModelName":"m","InstanceType":"ml.m5.lagre"}]})"),
              testing::StartsWith("1 validation error detected: Value 'ml.m5.lagre' at "
                                  "'productionVariants.1.member.instanceType' failed to satisfy "
                                  "constraint: Member must satisfy enum value set: ["));
}

TEST_F(Door, a_configuration_of_a_model_that_is_not_there_is_refused) {
  const std::string_view body = R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"all","ModelName":"none","InstanceType":"ml.m5.large"}]})";
  EXPECT_EQ(refused("CreateEndpointConfig", body),
            fmt::format("Could not find model \"{}\".", arn("model/none")));
  EXPECT_EQ(refused("DescribeEndpointConfig", R"({"EndpointConfigName":"c"})"),
            fmt::format("Could not find endpoint configuration \"{}\".", arn("endpoint-config/c")));
}

TEST_F(Door, captured_requests_go_to_a_bucket) {
  make_model("m");
  EXPECT_THAT(refused("CreateEndpointConfig", R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"a","ModelName":"m","InstanceType":"ml.m5.large"}],
      "DataCaptureConfig":{"InitialSamplingPercentage":1,"CaptureOptions":[{"CaptureMode":"Input"}],
      "DestinationS3Uri":"https://bucket/folder"}})"),
              HasSubstr("is not an s3:// address"));
}

TEST_F(Door, two_variants_of_one_name_and_a_variant_without_a_machine_are_refused) {
  make_model("m");
  EXPECT_THAT(refused("CreateEndpointConfig", R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"a","ModelName":"m","InstanceType":"ml.m5.large"},
      {"VariantName":"a","ModelName":"m","InstanceType":"ml.m5.large"}]})"),
              HasSubstr("\"a\""));
  EXPECT_THAT(refused("CreateEndpointConfig", R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"a","ModelName":"m"}]})"),
              HasSubstr("InstanceType"));
}

}  // namespace
}  // namespace slipway::sagemaker
