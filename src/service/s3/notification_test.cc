#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view the_queue = "000000000000/us-east-1/told";

class NotificationTest : public S3Test {
 protected:
  NotificationTest() { make_queue(the_queue); }

  static std::string queue_to(std::string_view arn, std::string_view rest) {
    return fmt::format(
        "<QueueConfiguration><Queue>arn:aws:sqs:us-east-1:000000000000:{}</Queue>{}"
        "</QueueConfiguration>",
        arn, rest);
  }
  static std::string event(std::string_view name) {
    return fmt::format("<Event>s3:{}</Event>", name);
  }
  static std::string filter(std::string_view name, std::string_view value) {
    return fmt::format(
        "<Filter><S3Key><FilterRule><Name>{}</Name><Value>{}</Value></FilterRule></S3Key></Filter>",
        name, value);
  }
  Answer configure(std::string_view configurations, net::Fields headers = {}) {
    return put(
        "/box?notification",
        fmt::format("<NotificationConfiguration>{}</NotificationConfiguration>", configurations),
        std::move(headers));
  }
  // Tells the queue of these events, and takes the test event off it.
  void watch(std::string_view events) {
    ASSERT_EQ(configure(queue_to("told", events)).status, 200);
    (void)messages(the_queue);
  }
  std::vector<json::object> records() {
    std::vector<json::object> out;
    for (const std::string& text : messages(the_queue))
      out.push_back(json::parse(text).at("Records").at(0).as_object());
    return out;
  }
  // "ObjectCreated:Put a.txt"
  std::vector<std::string> events() {
    std::vector<std::string> out;
    for (const json::object& record : records())
      out.push_back(fmt::format("{} {}", record.at("eventName").as_string().c_str(),
                                record.at("s3").at("object").at("key").as_string().c_str()));
    return out;
  }
};

TEST_F(NotificationTest, a_queue_is_told_of_an_object_in_aws_form) {
  watch(event("ObjectCreated:*"));
  put("/box/red%20flower.jpg", "hello", {{"x-amzn-trace-id", "Root=1-2-3"}});
  const auto all = records();
  ASSERT_EQ(all.size(), 1u);
  const json::object& record = all[0];
  EXPECT_EQ(record.at("eventVersion"), "2.1");
  EXPECT_EQ(record.at("eventSource"), "aws:s3");
  EXPECT_EQ(record.at("awsRegion"), "us-east-1");
  EXPECT_EQ(record.at("eventTime"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(record.at("eventName"), "ObjectCreated:Put");
  EXPECT_EQ(record.at("userIdentity").at("principalId"), "AWS:000000000000");
  EXPECT_EQ(record.at("requestParameters").at("sourceIPAddress"), "127.0.0.1");
  EXPECT_EQ(record.at("responseElements").as_object().size(), 2u);
  const json::object& s3 = record.at("s3").as_object();
  EXPECT_EQ(s3.at("s3SchemaVersion"), "1.0");
  EXPECT_EQ(s3.at("configurationId").as_string().size(), 48u);
  EXPECT_EQ(s3.at("bucket").at("name"), "box");
  EXPECT_EQ(s3.at("bucket").at("arn"), "arn:aws:s3:::box");
  const json::object& object = s3.at("object").as_object();
  EXPECT_EQ(object.at("key"), "red+flower.jpg");
  EXPECT_EQ(object.at("size"), 5);
  EXPECT_EQ(object.at("eTag"), "5d41402abc4b2a76b9719d911017c592");
  EXPECT_FALSE(object.contains("versionId"));
  EXPECT_TRUE(object.contains("sequencer"));
}

TEST_F(NotificationTest, every_way_to_change_an_object_is_told) {
  watch(event("ObjectCreated:*") + event("ObjectRemoved:*") + event("ObjectTagging:*"));
  put("/box/a", "1");
  put("/box/b", "", {{"x-amz-copy-source", "/box/a"}});
  put("/box/a?tagging",
      "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>");
  ask("DELETE", "/box/a?tagging");
  const std::string upload = ask("POST", "/box/c?uploads").element("UploadId");
  const std::string etag = put("/box/c?partNumber=1&uploadId=" + upload, "part").header("etag");
  const std::string parts = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                            etag + "</ETag></Part></CompleteMultipartUpload>";
  ask("POST", "/box/c?uploadId=" + upload, parts);
  ask("POST", "/box/c?uploadId=" + upload, parts);  // again: nothing new happens
  ask("POST", "/box?delete",
      "<Delete><Object><Key>a</Key></Object><Object><Key>never-there</Key></Object></Delete>",
      {{"content-md5", "xzGH5O464bw7d/4mzWbo2Q=="}});
  ask("DELETE", "/box/b");
  EXPECT_THAT(events(),
              ElementsAre("ObjectCreated:Put a", "ObjectCreated:Copy b", "ObjectTagging:Put a",
                          "ObjectTagging:Delete a", "ObjectCreated:CompleteMultipartUpload c",
                          "ObjectRemoved:Delete a", "ObjectRemoved:Delete never-there",
                          "ObjectRemoved:Delete b"));
}

TEST_F(NotificationTest, a_restored_object_is_told_of_twice) {
  watch(event("ObjectRestore:*"));
  put("/box/a", "something", {{"x-amz-storage-class", "GLACIER"}});
  const std::string days = "<RestoreRequest><Days>2</Days></RestoreRequest>";
  ASSERT_EQ(ask("POST", "/box/a?restore", days).status, 202);
  ASSERT_EQ(ask("POST", "/box/a?restore", days).status, 200);  // again: nothing is restored
  const auto all = records();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].at("eventName"), "ObjectRestore:Post");
  EXPECT_EQ(all[0].at("requestParameters").at("sourceIPAddress"), "127.0.0.1");
  EXPECT_FALSE(all[0].contains("glacierEventData"));
  EXPECT_EQ(all[1].at("eventName"), "ObjectRestore:Completed");
  EXPECT_THAT(std::string(all[1].at("userIdentity").at("principalId").as_string()),
              testing::StartsWith("AmazonCustomer:A"));
  const json::object& restore = all[1].at("glacierEventData").at("restoreEventData").as_object();
  EXPECT_EQ(restore.at("lifecycleRestorationExpiryTime"), "2023-11-17T00:00:00.000Z");
  EXPECT_EQ(restore.at("lifecycleRestoreStorageClass"), "GLACIER");
  for (const json::object& each : all) {
    EXPECT_EQ(each.at("eventVersion"), "2.1");
    EXPECT_EQ(each.at("s3").at("object").at("size"), 9);
    EXPECT_TRUE(each.at("s3").at("object").as_object().contains("sequencer"));
  }
}

// A reader would find no message of the queue readable.
TEST_F(NotificationTest, a_trace_that_is_no_text_is_not_handed_on) {
  watch(event("ObjectCreated:*"));
  put("/box/a", "1", {{"x-amzn-trace-id", "Root=1-2-3"}});
  put("/box/b", "1", {{"x-amzn-trace-id", "Root=\xff"}});
  const auto all = receive(the_queue);
  ASSERT_EQ(all.size(), 2u);
  ASSERT_EQ(all[0].system_attributes.size(), 1u);
  EXPECT_EQ(all[0].system_attributes[0].value, "Root=1-2-3");
  EXPECT_THAT(all[1].system_attributes, IsEmpty());
}

TEST_F(NotificationTest, versions_are_named_and_ordered) {
  watch(event("ObjectCreated:*") + event("ObjectRemoved:*"));
  put("/box?versioning",
      "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  const std::string version = put("/box/a", "1").header("x-amz-version-id");
  const std::string marker = ask("DELETE", "/box/a").header("x-amz-version-id");
  ask("DELETE", "/box/a?versionId=" + version);
  const auto all = records();
  ASSERT_EQ(all.size(), 3u);
  std::string last;
  for (const json::object& record : all) {
    const json::object& object = record.at("s3").at("object").as_object();
    EXPECT_LT(last, object.at("sequencer").as_string());
    last = object.at("sequencer").as_string();
  }
  const auto object = [&](int i) { return all[i].at("s3").at("object").as_object(); };
  EXPECT_EQ(object(0).at("versionId").as_string(), version);
  EXPECT_EQ(all[1].at("eventName"), "ObjectRemoved:DeleteMarkerCreated");
  EXPECT_EQ(object(1).at("versionId").as_string(), marker);
  EXPECT_EQ(object(1).at("eTag"), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(all[2].at("eventName"), "ObjectRemoved:Delete");
  EXPECT_EQ(object(2).at("versionId").as_string(), version);
  EXPECT_FALSE(object(2).contains("eTag"));
}

TEST_F(NotificationTest, only_what_a_filter_lets_through_is_told) {
  watch(event("ObjectCreated:Put") + filter("PREFIX", "logs/"));
  put("/box/logs/a", "1");
  put("/box/a", "1");
  put("/box/logs/b", "", {{"x-amz-copy-source", "/box/a"}});
  EXPECT_THAT(events(), ElementsAre("ObjectCreated:Put logs/a"));
  EXPECT_THAT(get("/box?notification").body, HasSubstr("<Name>Prefix</Name>"));
  ASSERT_EQ(configure("").status, 200);
  put("/box/logs/c", "1");
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(get("/box?notification").element("Queue"), "(none)");
}

TEST_F(NotificationTest, a_destination_gets_a_test_event_when_it_is_configured) {
  ASSERT_EQ(configure(queue_to("told", event("ObjectCreated:Put")) +
                      queue_to("told", event("ObjectRemoved:*")))
                .status,
            200);
  const auto all = messages(the_queue);
  ASSERT_EQ(all.size(), 1u);
  const json::object test = json::parse(all[0]).as_object();
  EXPECT_EQ(test.at("Service"), "Amazon S3");
  EXPECT_EQ(test.at("Event"), "s3:TestEvent");
  EXPECT_EQ(test.at("Time"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(test.at("Bucket"), "box");
  EXPECT_TRUE(test.contains("RequestId") && test.contains("HostId"));
}

TEST_F(NotificationTest, destinations_that_are_not_there_are_named) {
  const std::string two =
      queue_to("one", event("ObjectCreated:*")) + queue_to("two", event("ObjectRemoved:*"));
  const Answer refused = configure(two);
  EXPECT_EQ(refused.error(), "400 InvalidArgument");
  EXPECT_EQ(refused.element("Message"),
            "Unable to validate the following destination configurations");
  EXPECT_EQ(refused.element("ArgumentName1"), "arn:aws:sqs:us-east-1:000000000000:one");
  EXPECT_EQ(refused.element("ArgumentValue1"), "The destination queue does not exist");
  EXPECT_EQ(refused.element("ArgumentName2"), "arn:aws:sqs:us-east-1:000000000000:two");
  EXPECT_EQ(configure(two, {{"x-amz-skip-destination-validation", "true"}}).status, 200);
  const std::string function =
      "<CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:us-east-1:000000000000:function:f"
      "</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>";
  EXPECT_EQ(configure(function).element("ArgumentValue1"),
            "Not authorized to invoke function "
            "[arn:aws:lambda:us-east-1:000000000000:function:f]");
}

TEST_F(NotificationTest, what_cannot_be_is_refused_in_aws_words) {
  const auto message = [&](const std::string& configuration) {
    const Answer answer = configure(configuration);
    EXPECT_EQ(answer.status / 100, configuration.contains("EventBridge") ? 5 : 4) << answer.body;
    return answer.element("Message");
  };
  const std::string created = event("ObjectCreated:*");
  EXPECT_EQ(message("<QueueConfiguration><Queue>told</Queue>" + created + "</QueueConfiguration>"),
            "The ARN could not be parsed");
  EXPECT_EQ(message(queue_to("told", event("Nothing:Put"))),
            "The event 's3:Nothing:Put' is not supported for notifications");
  EXPECT_EQ(message(queue_to("told.fifo", created)), "FIFO SQS queues are not supported.");
  EXPECT_EQ(message(queue_to("told", created + filter("infix", "x"))),
            "filter rule name must be either prefix or suffix");
  EXPECT_THAT(message(queue_to("told", created) +
                      queue_to("told", event("ObjectCreated:Put") + filter("suffix", ".txt"))),
              HasSubstr("Configuration is ambiguously defined."));
  EXPECT_THAT(message("<QueueConfiguration><Queue>arn:aws:sqs:eu-west-1:000000000000:told</Queue>" +
                      created + "</QueueConfiguration>"),
              HasSubstr("region is not valid for the bucket location constraint"));
  EXPECT_THAT(message("<EventBridgeConfiguration/>"), HasSubstr("EventBridge"));
  EXPECT_EQ(configure(queue_to("told", created + filter("suffix", ".jpg")) +
                      queue_to("told", created + filter("suffix", ".txt")))
                .status,
            200);
}

}  // namespace
}  // namespace slipway::s3
