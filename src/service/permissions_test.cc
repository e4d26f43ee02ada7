#include "service/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "gen/sagemaker.h"
#include "gen/sqs.h"
#include "wire/document.h"

namespace slipway::service {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// A request's input, as the tables of the doors read it.
class QuestionTest : public testing::Test {
 protected:
  template <typename Op>
  Question ask(std::string_view json) {
    node_ = wire::from_json<typename Op::Input>(json, arena_).value().node();
    return {call_, Op::operation(), node_};
  }

  SystemClock clock_;
  SeededRandom random_{1};
  wire::Arena arena_;
  Caller caller_;
  net::RequestHead head_;
  CallContext context_{clock_, random_};
  HttpCall call_{context_, caller_, head_, "request", arena_};
  wire::Node node_{};
};

using CreateConfig = aws::sagemaker::op::CreateEndpointConfig;
using CreateModel = aws::sagemaker::op::CreateModel;

TEST_F(QuestionTest, ReadsThroughAllItemsOfAList) {
  const Question question = ask<CreateConfig>(R"({"EndpointConfigName":"c","ProductionVariants":[
      {"VariantName":"a","ModelName":"m","InstanceType":"ml.m5.large"},
      {"VariantName":"b","ModelName":"n","ServerlessConfig":
          {"MemorySizeInMB":2048,"MaxConcurrency":5}}]})");
  EXPECT_EQ(question.text("EndpointConfigName"), "c");
  EXPECT_THAT(question.texts("ProductionVariants.ModelName"), ElementsAre("m", "n"));
  EXPECT_THAT(question.texts("ProductionVariants.InstanceType"), ElementsAre("ml.m5.large"));
  EXPECT_THAT(question.texts("ProductionVariants.ServerlessConfig.MaxConcurrency"),
              ElementsAre("5"));
}

TEST_F(QuestionTest, WhatIsNotGivenOrNotThereIsEmpty) {
  const Question question = ask<CreateModel>(R"({"ModelName":"m"})");
  EXPECT_FALSE(question.has("ExecutionRoleArn"));
  EXPECT_FALSE(question.has("Tags"));
  EXPECT_THAT(question.texts("NoSuchMember.Of.Any"), IsEmpty());
}

TEST_F(QuestionTest, TagsAreKeysAndValuesWhateverTheServiceWritesThemAs) {
  const Question list = ask<CreateModel>(R"({"ModelName":"m","Tags":[{"Key":"a","Value":"1"}]})");
  EXPECT_TRUE(list.has("Tags"));
  EXPECT_THAT(list.texts("Tags"), ElementsAre("a"));
  EXPECT_THAT(list.tags("Tags"), ElementsAre(Pair("a", "1")));
  const Question map =
      ask<aws::sqs::op::CreateQueue>(R"({"QueueName":"q","tags":{"a":"1","b":"2"}})");
  EXPECT_THAT(map.texts("tags"), ElementsAre("a", "b"));
  EXPECT_THAT(map.tags("tags"), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_F(QuestionTest, AnEmptyTextIsGivenNevertheless) {
  const Question question = ask<CreateModel>(R"({"ModelName":"m","ExecutionRoleArn":""})");
  EXPECT_TRUE(question.has("ExecutionRoleArn"));
}

TEST_F(QuestionTest, BooleansAreText) {
  const Question question = ask<CreateModel>(R"({"ModelName":"m","EnableNetworkIsolation":true})");
  EXPECT_EQ(question.text("EnableNetworkIsolation"), "true");
}

}  // namespace
}  // namespace slipway::service
