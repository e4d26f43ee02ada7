#include "wire/view.h"

#include <gtest/gtest.h>

#include "gen/s3.h"
#include "gen/sagemaker.h"
#include "gen/services.h"
#include "wire/codec.h"
#include "wire/document.h"

namespace slipway::wire {
namespace {

namespace sm = aws::sagemaker;

constexpr std::string_view create_config = R"({
  "EndpointConfigName": "config-1",
  "ProductionVariants": [
    {"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 2, "InitialVariantWeight": 0.5,
     "InstanceType": "ml.m5.large", "ServerlessConfig": {"MemorySizeInMB": 1024,
          "MaxConcurrency": 5}},
    {"VariantName": "b", "ModelName": "n"}],
  "Tags": [{"Key": "k", "Value": "v"}],
  "SomethingNew": {"nested": [1, 2, {"x": null}]}
})";

sm::CreateEndpointConfigInput read(std::string_view json, Arena& arena) {
  const Operation& operation = sm::op::CreateEndpointConfig::operation();
  const HttpRequestView request{
      .method = "POST", .path = "/", .query = "", .headers = {}, .body = json};
  const auto node = decode_request(operation, Protocol::json11, {}, request, arena);
  EXPECT_TRUE(node) << node.error().message;
  return sm::CreateEndpointConfigInput(*node, &arena);
}

TEST(View, ReadsWhatWasGivenAndTellsWhatWasNot) {
  Arena arena;
  const auto in = read(create_config, arena);
  EXPECT_EQ(in.EndpointConfigName(), "config-1");
  ASSERT_EQ(in.ProductionVariants().size(), 2u);
  EXPECT_EQ(in.ProductionVariants()[0].InitialInstanceCount(), 2);
  EXPECT_EQ(in.ProductionVariants()[0].InitialVariantWeight(), 0.5);
  EXPECT_EQ(in.ProductionVariants()[0].ServerlessConfig().MaxConcurrency(), 5);
  EXPECT_EQ(in.ProductionVariants()[1].InitialInstanceCount(), std::nullopt);
  EXPECT_FALSE(in.ProductionVariants()[1].ServerlessConfig());
  EXPECT_EQ(in.ProductionVariants()[1].ServerlessConfig().MaxConcurrency(), 0);
  EXPECT_FALSE(in.KmsKeyId());
  EXPECT_FALSE(in.ShadowProductionVariants().has());
  std::string names;
  for (const auto variant : in.ProductionVariants()) names += variant.VariantName();
  EXPECT_EQ(names, "ab");
}

TEST(View, EchoesAnInputIntoAnAnswerWithoutWhatWasNotGiven) {
  Arena arena;
  const auto in = read(create_config, arena);
  sm::DescribeEndpointConfigOutput out(arena);
  out.EndpointConfigArn("arn").CreationTime(from_epoch_seconds(1700000000.5));
  echo(in, out);
  EXPECT_EQ(
      to_json(out),
      R"({"EndpointConfigName":"config-1","EndpointConfigArn":"arn","ProductionVariants":[)"
      R"({"VariantName":"a","ModelName":"m","InitialInstanceCount":2,"InstanceType":"ml.m5.large",)"
      R"("InitialVariantWeight":0.5,)"
      R"("ServerlessConfig":{"MemorySizeInMB":1024,"MaxConcurrency":5}},)"
      R"({"VariantName":"b","ModelName":"n"}],"CreationTime":1700000000.5})");
}

TEST(View, BuildsListsOfStructuresItemByItem) {
  Arena arena;
  sm::ListModelsOutput out(arena);
  out.Models(wire::empty);
  EXPECT_EQ(to_json(out), R"({"Models":[]})");
  for (int i = 0; i < 5; ++i) out.add_Models().ModelName("m" + std::to_string(i)).ModelArn("arn");
  EXPECT_EQ(out.Models().size(), 5u);
  EXPECT_EQ(out.Models()[4].ModelName(), "m4");
}

TEST(View, AddingToAListThatWasReadLeavesTheOriginalAsItWas) {
  Arena arena;
  const auto in = read(create_config, arena);
  sm::CreateEndpointConfigInput copy(arena);
  copy.Tags(in.Tags());
  copy.add_Tags().Key("more").Value("x");
  EXPECT_EQ(in.Tags().size(), 1u);
  ASSERT_EQ(copy.Tags().size(), 2u);
  EXPECT_EQ(copy.Tags()[0].Key(), "k");
}

TEST(View, BuildsMapsAndNestedStructures) {
  Arena arena;
  sm::CreateModelInput in(arena);
  in.ModelName("m");
  in.make_PrimaryContainer().Image("img").put_Environment("A", "1").put_Environment("B", "2");
  EXPECT_EQ(in.PrimaryContainer().Environment().find("B"), "2");
  EXPECT_EQ(
      to_json(in),
      R"({"ModelName":"m","PrimaryContainer":{"Image":"img","Environment":{"A":"1","B":"2"}}})");
}

TEST(Document, WhatWasStoredIsReadBackAndStaysValidWithoutTheText) {
  Arena arena;
  const auto in = read(create_config, arena);
  std::string text = to_json(in);
  Arena later;
  const auto back = from_json<sm::CreateEndpointConfigInput>(text, later);
  ASSERT_TRUE(back);
  EXPECT_TRUE(equal(back->node(), in.node()));
  text.assign(text.size(), 'x');
  EXPECT_EQ(back->EndpointConfigName(), "config-1");
}

TEST(Document, KeepsMembersThatTravelInHeadersAndPaths) {
  Arena arena;
  aws::s3::CopyObjectRequest in(arena);
  in.Bucket("b").Key("k").CopySource("/c/d").put_Metadata("color", "red");
  const auto back = from_json<aws::s3::CopyObjectRequest>(to_json(in), arena);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->CopySource(), "/c/d");
  EXPECT_EQ(back->Metadata().find("color"), "red");
}

TEST(Document, ADamagedOneIsReportedAsCorrupted) {
  Arena arena;
  const auto back = from_json<sm::Tag>(R"({"Key": 5})", arena);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::corrupted);
  EXPECT_TRUE(back.error().message.contains("Tag")) << back.error().message;
}

TEST(Tables, EveryServiceKnowsAllItsOperationsAndBuildsTheListedOnes) {
  ASSERT_GE(aws::schemas().size(), 5u);
  const Operation* create = sm::schema().find_operation("CreateEndpoint");
  ASSERT_NE(create, nullptr);
  EXPECT_TRUE(create->is(OperationFlag::built));
  EXPECT_EQ(create->mode, "write");
  EXPECT_EQ(create->input, &sm::CreateEndpointInput::shape());
  const Operation* missing = sm::schema().find_operation("CreateNotebookInstance");
  ASSERT_NE(missing, nullptr);
  EXPECT_FALSE(missing->is(OperationFlag::built));
  EXPECT_EQ(missing->mode, "missing");
  EXPECT_EQ(sm::schema().find_operation("CreateSandwich"), nullptr);
}

}  // namespace
}  // namespace slipway::wire
