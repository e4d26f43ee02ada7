#include "service/json_input.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gen/sagemaker.h"
#include "gen/sqs.h"
#include "wire/document.h"

namespace slipway::service {
namespace {

class JsonInputTest : public testing::Test {
 protected:
  template <typename Input>
  Result<Input> read(std::string_view text) {
    TRY(const wire::Node node,
        input_from(boost::json::parse({text.data(), text.size()}), Input::shape(), arena_));
    return Input(node, &arena_);
  }
  template <typename Input>
  std::string refusal(std::string_view text) {
    const auto read_input = read<Input>(text);
    return read_input ? "accepted" : read_input.error().message;
  }

  wire::Arena arena_;
};

using Config = aws::sagemaker::CreateEndpointConfigInput;

TEST_F(JsonInputTest, ScalarsAreTakenForEachOtherAsInATemplate) {
  const auto config = read<Config>(R"({"EndpointConfigName": 7, "KmsKeyId": null,
      "ProductionVariants": [{"VariantName": true, "InitialInstanceCount": "3",
                              "InitialVariantWeight": "0.5"},
                             {"InitialInstanceCount": 2.0, "InitialVariantWeight": 1}],
      "DataCaptureConfig": {"EnableCapture": "True"}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->EndpointConfigName(), "7");
  EXPECT_FALSE(config->KmsKeyId());
  EXPECT_EQ(config->ProductionVariants()[0].VariantName(), "true");
  EXPECT_EQ(config->ProductionVariants()[0].InitialInstanceCount(), 3);
  EXPECT_EQ(config->ProductionVariants()[0].InitialVariantWeight(), 0.5);
  EXPECT_EQ(config->ProductionVariants()[1].InitialInstanceCount(), 2);
  EXPECT_EQ(config->DataCaptureConfig().EnableCapture(), true);
}

TEST_F(JsonInputTest, MapsHoldWhatTheirShapeSays) {
  const auto queue = read<aws::sqs::CreateQueueRequest>(
      R"({"QueueName":"q","Attributes":{"DelaySeconds":5,"FifoQueue":false}})");
  ASSERT_TRUE(queue) << queue.error().message;
  EXPECT_EQ(queue->Attributes().find("DelaySeconds"), "5");
  EXPECT_EQ(queue->Attributes().find("FifoQueue"), "false");
}

TEST_F(JsonInputTest, ErrorsNameTheMember) {
  EXPECT_EQ(refusal<Config>(R"({"ProductionVariants":[{"VariantName":"a","Colour":"red"}]})"),
            "ProductionVariants.0.Colour: there is no such member");
  EXPECT_EQ(refusal<Config>(R"({"ProductionVariants":{}})"),
            "ProductionVariants: an Array is expected");
  EXPECT_EQ(refusal<Config>(R"({"ProductionVariants":[{"InitialInstanceCount":"many"}]})"),
            "ProductionVariants.0.InitialInstanceCount: a Number is expected");
  EXPECT_EQ(refusal<Config>(R"({"EndpointConfigName":["a"]})"),
            "EndpointConfigName: a String is expected");
  EXPECT_EQ(refusal<Config>("[]"), "an Object is expected");
}

}  // namespace
}  // namespace slipway::service
