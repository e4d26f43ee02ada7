#include "service/sagemaker/transform_contract.h"

#include <gtest/gtest.h>

namespace slipway::sagemaker {
namespace {

using transform::BatchStrategy;
using transform::TransformPlan;

TEST(TransformContract, ReadsWhatAContainerTellsOfItself) {
  const auto contract = transform_contract();
  EXPECT_EQ(contract.settings_path, "/execution-parameters");
  const auto said = contract.read_settings(
      R"({"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2})");
  EXPECT_EQ(said.concurrency, 8u);
  EXPECT_EQ(said.strategy, BatchStrategy::single_record);
  EXPECT_EQ(said.payload_mb, 2u);
}

TEST(TransformContract, TakesNothingFromWhatIsNoAnswer) {
  for (const char* answer : {"", "no", "[1]", "7", R"({"MaxPayloadInMB": "6", "BatchStrategy": 1})",
                             R"({"MaxConcurrentTransforms": -1, "BatchStrategy": "BOTH"})"}) {
    const auto said = transform_contract().read_settings(answer);
    EXPECT_FALSE(said.concurrency || said.strategy || said.payload_mb) << answer;
  }
}

TEST(TransformContract, TellsInTheLogHowTheContainerIsAsked) {
  EXPECT_EQ(transform_contract().log_line({.payload_mb = 6, .concurrency = 3}),
            "MaxConcurrentTransforms=3, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD");
}

std::string refusal_of(const TransformPlan& plan) {
  return transform_refusal(transform::check(plan).error(), plan).message;
}

TEST(TransformContract, RefusesByTheNamesOfTheApi) {
  TransformPlan plan;
  plan.fleet.variants.push_back({.name = "v", .program = {.built_in = "x"}});
  plan.concurrency = 17;
  EXPECT_EQ(refusal_of(plan),
            "MaxConcurrentTransforms * MaxPayloadInMB must be at most 100 MB; it is 17 * 6.");
  plan.payload_mb = 101;
  EXPECT_EQ(refusal_of(plan), "MaxPayloadInMB must be at most 100.");
  plan.concurrency = plan.payload_mb = 1;
  plan.input_filter = "$[0]";
  EXPECT_EQ(refusal_of(plan),
            "InputFilter needs text/csv, application/json or application/jsonlines.");
  plan.input_format = transform::RecordFormat::csv;
  plan.input_filter = "$.a";
  EXPECT_EQ(refusal_of(plan),
            "InputFilter: '$.a' names what a line of CSV does not have; use positions.");
  plan.input_filter.clear();
  plan.output_filter = "[";
  EXPECT_TRUE(refusal_of(plan).starts_with("OutputFilter: "));
  plan.output_filter.clear();
  plan.join = TransformPlan::Join::input;
  EXPECT_EQ(refusal_of(plan),
            "JoinSource needs a ContentType and an Accept that are both CSV or both JSON.");
}

}  // namespace
}  // namespace slipway::sagemaker
