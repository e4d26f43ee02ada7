#include "service/sagemaker/capture_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "wire/arena.h"

namespace slipway::sagemaker {
namespace {

namespace json = boost::json;

routing::CapturePlan plan() {
  return {.destination = "s3://bucket/some/prefix/",
          .csv_types = {"text/csv"},
          .json_types = {"application/json"}};
}

routing::CaptureRecord record(routing::CapturePlan plan) {
  return {.plan = std::make_shared<const routing::CapturePlan>(std::move(plan)),
          .fleet = "000000000000/us-east-1/mine",
          .variant = "all",
          .time = parse_iso8601("2026-05-01T17:05:09.123Z").value(),
          .caller_id = "id-1",
          .caller_note = "trace=7",
          .input_type = "text/csv; charset=utf-8",
          .input = "1,2\n",
          .output_type = "application/json",
          .output = R"({"score":[0.5]})"};
}

json::object only_line(const CaptureObject& object) {
  EXPECT_EQ(object.lines.find('\n'), object.lines.size() - 1);
  return json::parse(object.lines).as_object();
}

CaptureObject written(const routing::CaptureRecord& record) {
  SeededRandom random(1);
  return capture_object({.plan = record.plan, .records = {record}}, random);
}

TEST(CaptureFile, lies_below_endpoint_variant_and_hour) {
  const CaptureObject object = written(record(plan()));
  EXPECT_EQ(object.bucket, "bucket");
  EXPECT_THAT(object.key, testing::MatchesRegex(
                              "some/prefix/mine/all/2026/05/01/17/05-09-123-[0-9a-f-]*\\.jsonl"));
  routing::CapturePlan bare = plan();
  bare.destination = "s3://bucket";
  EXPECT_THAT(written(record(bare)).key, testing::StartsWith("mine/all/2026/"));
}

TEST(CaptureFile, a_record_has_the_format_of_aws) {
  const json::object line = only_line(written(record(plan())));
  EXPECT_EQ(json::serialize(line.at("captureData")),
            R"({"endpointInput":{"observedContentType":"text/csv; charset=utf-8","mode":"INPUT",)"
            R"("data":"1,2\n","encoding":"CSV"},)"
            R"("endpointOutput":{"observedContentType":"application/json","mode":"OUTPUT",)"
            R"("data":"{\"score\":[0.5]}","encoding":"JSON"}})");
  const json::object& metadata = line.at("eventMetadata").as_object();
  EXPECT_EQ(metadata.at("inferenceTime"), "2026-05-01T17:05:09Z");
  EXPECT_EQ(metadata.at("inferenceId"), "id-1");
  EXPECT_EQ(json::serialize(metadata.at("customAttributes")), R"(["trace=7"])");
  EXPECT_EQ(metadata.at("eventId").as_string().size(), 36U);
  EXPECT_EQ(line.at("eventVersion"), "0");
}

TEST(CaptureFile, what_is_no_named_text_is_base64) {
  routing::CaptureRecord other = record(plan());
  other.input_type = "application/x-npy";
  other.output = "\xff\xfe";
  const json::object line = only_line(written(other));
  EXPECT_EQ(line.at("captureData").at("endpointInput").at("encoding"), "BASE64");
  EXPECT_EQ(line.at("captureData").at("endpointInput").at("data"), "MSwyCg==");
  EXPECT_EQ(line.at("captureData").at("endpointOutput").at("encoding"), "BASE64")
      << "bytes that are no UTF-8 are no text, whatever they are called";
  const json::object plain = only_line(written(record({.destination = "s3://b/p"})));
  EXPECT_EQ(plain.at("captureData").at("endpointInput").at("encoding"), "BASE64")
      << "no header is named: all is base64";
}

TEST(CaptureFile, one_side_alone_is_captured_where_one_is_asked_for) {
  routing::CapturePlan input = plan();
  input.output = false;
  const json::object line = only_line(written(record(input)));
  EXPECT_TRUE(line.at("captureData").as_object().contains("endpointInput"));
  EXPECT_FALSE(line.at("captureData").as_object().contains("endpointOutput"));
}

TEST(CaptureFile, a_configuration_says_what_is_captured) {
  wire::Arena arena;
  aws::sagemaker::DataCaptureConfig config(arena);
  config.InitialSamplingPercentage(20).DestinationS3Uri("s3://b/p");
  config.add_CaptureOptions().CaptureMode("Input");
  auto made = capture_plan(config);
  ASSERT_TRUE(made) << "enabled unless said otherwise";
  EXPECT_EQ(made->percent, 20U);
  EXPECT_TRUE(made->input);
  EXPECT_FALSE(made->output);
  config.add_CaptureOptions().CaptureMode("InputAndOutput");
  EXPECT_TRUE(capture_plan(config)->output);
  config.EnableCapture(false);
  EXPECT_FALSE(capture_plan(config));
  EXPECT_FALSE(capture_plan({}));
}

}  // namespace
}  // namespace slipway::sagemaker
