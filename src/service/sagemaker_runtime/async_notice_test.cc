#include "service/sagemaker_runtime/async_notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "service/sagemaker_runtime/async.h"

namespace slipway::sagemaker_runtime {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const Moment accepted{.civil = Timestamp(std::chrono::microseconds(1'643'150'760'455'000)),
                      .server = {}};

struct Ended {
  invocation_queue::InvocationQueue queue{.id = 1, .fleet = "123456789012/us-west-2/mine"};
  invocation_queue::QueuedRequest request{
      .accepted = accepted,
      .content_type = "text/csv",
      .output = {.bucket = "b", .key = "out/1.out"},
      .failure = objects::ObjectName{.bucket = "b", .key = "bad/1-error.out"},
      .document = AsyncNote{.inference_id = "id-1", .input_location = "s3://b/in.csv"}.text()};
  invocation_queue::Settled settled{.queue = queue, .request = request, .at = accepted + 153ms};
};

// Contract, section 10: the members of a notification, as AWS's page shows one.
TEST(AsyncNotice, ACompletedInferenceIsToldInTheWordsOfAws) {
  Ended ended;
  ended.settled.status = 200;
  ended.settled.content_type = "text/csv; charset=utf-8";
  EXPECT_EQ(json::parse(notification_text(ended.settled, WithResponse::no)),
            json::parse(R"({"awsRegion":"us-west-2","eventTime":"2022-01-25T22:46:00.608Z",
      "receivedTime":"2022-01-25T22:46:00.455Z","invocationStatus":"Completed",
      "requestParameters":{"contentType":"text/csv","endpointName":"mine",
                           "inputLocation":"s3://b/in.csv"},
      "responseParameters":{"contentType":"text/csv; charset=utf-8",
                            "outputLocation":"s3://b/out/1.out"},
      "inferenceId":"id-1","eventVersion":"1.0","eventSource":"aws:sagemaker",
      "eventName":"InferenceResult"})"));
}

TEST(AsyncNotice, ForWhomARequestIsDoneComesBackFromItsNote) {
  for (const AsyncNote& note :
       {AsyncNote{.inference_id = "id"},
        AsyncNote{.inference_id = "id", .input_location = "s3://b/i", .caller = "c"},
        AsyncNote{.inference_id = "id", .caller = "c", .writers = {"one", "two"}}}) {
    const AsyncNote read = AsyncNote::from(note.text());
    EXPECT_EQ(read.text(), note.text());
    EXPECT_EQ(read.writers, note.writers);
  }
  const AsyncNote mixed{
      .inference_id = "id", .caller = "caller:c", .writers = {"caller:m", "role:arn:r"}};
  EXPECT_EQ(mixed.readers(), (std::vector<std::string>{"caller:c", "role:arn:r"}));
  EXPECT_EQ(AsyncNote::from("id\ns3://b/i").input_location, "s3://b/i") << "of former versions";
}

TEST(AsyncNotice, AFailedOneSaysWhyAndWhere) {
  Ended ended;
  ended.settled.failure = invocation_queue::QueueFailure::refused;
  ended.settled.status = 500;
  const json::value notice = json::parse(notification_text(ended.settled, WithResponse::no));
  EXPECT_EQ(notice.at("invocationStatus").as_string(), "Failed");
  EXPECT_EQ(notice.at("failureReason").as_string(),
            "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs "
            "in your account for more information.");
  EXPECT_FALSE(notice.at("responseParameters").as_object().contains("outputLocation"));
}

TEST(AsyncNotice, TheResponseIsIncludedUpToItsLimitAndNotOnePast) {
  Ended ended;
  ended.settled.answer = std::string(notified_response_bytes_max, 'a');
  const json::value at = json::parse(notification_text(ended.settled, WithResponse::yes));
  EXPECT_EQ(at.at("responseBody").at("content").as_string().size(), notified_response_bytes_max);
  ended.settled.answer->push_back('a');
  const json::value past = json::parse(notification_text(ended.settled, WithResponse::yes));
  EXPECT_FALSE(past.as_object().contains("responseBody"));
}

TEST(AsyncNotice, AResponseThatIsNoTextTravelsAsBase64) {
  Ended ended;
  ended.settled.answer = "\xff\x00";
  const json::value notice = json::parse(notification_text(ended.settled, WithResponse::yes));
  EXPECT_EQ(notice.at("responseBody").at("encoding").as_string(), "BASE64");
}

}  // namespace
}  // namespace slipway::sagemaker_runtime
