#include <gmock/gmock.h>

#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

using testing::HasSubstr;

class LifecycleConfigurationTest : public S3Test {
 protected:
  Answer configure(std::string_view rules) {
    const std::string body =
        fmt::format("<LifecycleConfiguration>{}</LifecycleConfiguration>", rules);
    return put("/box?lifecycle", body, digest_of(body));
  }
  static std::string rule(std::string_view id, std::string_view rest) {
    return fmt::format("<Rule><ID>{}</ID><Status>Enabled</Status>{}</Rule>", id, rest);
  }
  // "MalformedXML", or the message where the code says less.
  std::string refusal(std::string_view rest) {
    const Answer answer = configure(rule("r", rest));
    EXPECT_GE(answer.status, 400) << rest;
    const std::string code = answer.element("Code");
    return code == "MalformedXML" ? code : answer.element("Message");
  }
};

constexpr std::string_view all = "<Filter/>";
constexpr std::string_view week = "<Expiration><Days>7</Days></Expiration>";

std::string filtered(std::string_view filter) {
  return fmt::format("<Filter>{}</Filter>{}", filter, week);
}

TEST_F(LifecycleConfigurationTest, answers_say_when_an_object_goes_and_by_which_rule) {
  ASSERT_EQ(configure(rule("to go", filtered("<Prefix>tmp/</Prefix>"))).status, 200);
  // It is the 14th, 22:13.
  const std::string when = R"(expiry-date="Wed, 22 Nov 2023 00:00:00 GMT", rule-id="to go")";
  EXPECT_EQ(put("/box/tmp/a", "1").header("x-amz-expiration"), when);
  EXPECT_EQ(get("/box/tmp/a").header("x-amz-expiration"), when);
  EXPECT_EQ(ask("HEAD", "/box/tmp/a").header("x-amz-expiration"), when);
  EXPECT_EQ(put("/box/tmp/b", "", {{"x-amz-copy-source", "/box/tmp/a"}}).header("x-amz-expiration"),
            when);
  EXPECT_EQ(put("/box/a", "1").header("x-amz-expiration"), "(none)");
  EXPECT_EQ(get("/box/a").header("x-amz-expiration"), "(none)");
  const std::string upload = ask("POST", "/box/tmp/c?uploads").element("UploadId");
  const std::string etag = put("/box/tmp/c?partNumber=1&uploadId=" + upload, "part").header("etag");
  EXPECT_EQ(ask("POST", "/box/tmp/c?uploadId=" + upload,
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etag +
                    "</ETag></Part></CompleteMultipartUpload>")
                .header("x-amz-expiration"),
            when);
  ASSERT_EQ(ask("DELETE", "/box?lifecycle").status, 204);
  EXPECT_EQ(get("/box/tmp/a").header("x-amz-expiration"), "(none)");
}

TEST_F(LifecycleConfigurationTest, only_the_latest_version_without_its_name_has_an_end) {
  put("/box?versioning",
      "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  ASSERT_EQ(configure(rule("r", fmt::format("{}{}", all, week))).status, 200);
  const std::string version = put("/box/a", "1").header("x-amz-version-id");
  EXPECT_EQ(get("/box/a?versionId=" + version).header("x-amz-expiration"), "(none)");
  EXPECT_THAT(get("/box/a").header("x-amz-expiration"), HasSubstr("rule-id=\"r\""));
  ASSERT_EQ(configure(rule("m", fmt::format("{}<Expiration><ExpiredObjectDeleteMarker>true"
                                            "</ExpiredObjectDeleteMarker></Expiration>",
                                            all)))
                .status,
            200);
  EXPECT_EQ(get("/box/a").header("x-amz-expiration"), "(none)");
}

TEST_F(LifecycleConfigurationTest, the_first_rule_that_takes_place_is_named) {
  const auto days = [](int number) {
    return fmt::format("<Expiration><Days>{}</Days></Expiration>", number);
  };
  ASSERT_EQ(configure(rule("late", "<Filter/>" + days(9)) +
                      rule("large",
                           "<Filter><ObjectSizeGreaterThan>3</ObjectSizeGreaterThan>"
                           "</Filter>" +
                               days(5)) +
                      rule("tagged",
                           "<Filter><And><Prefix>t</Prefix><Tag><Key>k</Key><Value>v"
                           "</Value></Tag></And></Filter>" +
                               days(5)))
                .status,
            200);
  EXPECT_THAT(put("/box/t1", "1").header("x-amz-expiration"), HasSubstr("\"late\""));
  EXPECT_THAT(put("/box/t2", "1111").header("x-amz-expiration"), HasSubstr("\"large\""));
  EXPECT_THAT(put("/box/t3", "1", {{"x-amz-tagging", "k=v"}}).header("x-amz-expiration"),
              HasSubstr("\"tagged\""));
}

TEST_F(LifecycleConfigurationTest, an_upload_says_when_it_is_aborted) {
  ASSERT_EQ(configure(rule("r",
                           "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>2"
                           "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"))
                .status,
            200);
  const Answer begun = ask("POST", "/box/a?uploads");
  EXPECT_EQ(begun.header("x-amz-abort-date"), "Fri, 17 Nov 2023 00:00:00 GMT");
  EXPECT_EQ(begun.header("x-amz-abort-rule-id"), "r");
  const Answer parts = get("/box/a?uploadId=" + begun.element("UploadId"));
  EXPECT_EQ(parts.header("x-amz-abort-date"), "Fri, 17 Nov 2023 00:00:00 GMT");
  EXPECT_EQ(parts.header("x-amz-abort-rule-id"), "r");
}

TEST_F(LifecycleConfigurationTest, objects_go_and_queues_are_told) {
  const std::string queue = "000000000000/us-east-1/told";
  make_queue(queue);
  ASSERT_EQ(put("/box?notification",
                "<NotificationConfiguration><QueueConfiguration>"
                "<Queue>arn:aws:sqs:us-east-1:000000000000:told</Queue>"
                "<Event>s3:LifecycleExpiration:*</Event></QueueConfiguration>"
                "</NotificationConfiguration>")
                .status,
            200);
  (void)messages(queue);
  put("/box/tmp/a", "1");
  put("/box/a", "1");
  ASSERT_EQ(configure(rule("r", filtered("<Prefix>tmp/</Prefix>"))).status, 200);
  let_pass(std::chrono::days(7));
  EXPECT_EQ(get("/box/tmp/a").status, 200);
  let_pass(std::chrono::hours(2));
  EXPECT_EQ(get("/box/tmp/a").status, 404);
  EXPECT_EQ(get("/box/a").status, 200);
  const auto told = messages(queue);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], HasSubstr(R"("eventName":"LifecycleExpiration:Delete")"));
  EXPECT_THAT(told[0], HasSubstr(R"("principalId":"s3.amazonaws.com")"));
}

TEST_F(LifecycleConfigurationTest, large_objects_change_their_storage_class) {
  put("/box/large", std::string(128 * 1024, 'x'));
  put("/box/small", "1");
  ASSERT_EQ(configure(rule("r",
                           "<Filter/><Transition><Days>0</Days>"
                           "<StorageClass>GLACIER_IR</StorageClass></Transition>"))
                .status,
            200);
  let_pass(std::chrono::days(1));
  EXPECT_EQ(get("/box/large").header("x-amz-storage-class"), "GLACIER_IR");
  EXPECT_EQ(get("/box/small").header("x-amz-storage-class"), "(none)");
}

TEST_F(LifecycleConfigurationTest, small_objects_are_archived_where_the_configuration_says_so) {
  put("/box/small", "1");
  const std::string rules =
      "<LifecycleConfiguration>" +
      rule("r",
           "<Filter/><Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition>") +
      "</LifecycleConfiguration>";
  ASSERT_EQ(put("/box?lifecycle", rules, digest_of(rules)).status, 200);
  let_pass(std::chrono::days(1));
  EXPECT_EQ(get("/box/small").status, 200);
  const auto with_minimum = [&](std::string_view minimum) {
    net::Fields headers = digest_of(rules);
    headers.add("x-amz-transition-default-minimum-object-size", minimum);
    return headers;
  };
  ASSERT_EQ(put("/box?lifecycle", rules, with_minimum("varies_by_storage_class")).status, 200);
  let_pass(std::chrono::days(1));
  EXPECT_EQ(get("/box/small").error(), "403 InvalidObjectState");
  EXPECT_EQ(put("/box?lifecycle", rules, with_minimum("value")).element("Message"),
            "Invalid TransitionDefaultMinimumObjectSize found: value");
}

// Each of them would otherwise be a rule for all objects of the bucket.
TEST_F(LifecycleConfigurationTest, what_limits_a_rule_is_never_skipped) {
  for (const char* filter :
       {"<prefix>tmp/</prefix>", "tmp/", "<And/>", "<And><Prefix>tmp/</Prefix></And>",
        "<And><Tags><Key>k</Key><Value>v</Value></Tags></And>",
        "<Prefix>a</Prefix><Prefix>b</Prefix>"})
    EXPECT_EQ(refusal(filtered(filter)), "MalformedXML") << filter;
  EXPECT_EQ(refusal(fmt::format("{}<Expire/>{}", all, week)), "MalformedXML");
  for (const char* name : {"ObjectSizeLessThan", "ObjectSizeGreaterThan"})
    for (const char* size : {"-1", "1099511627776001"})
      EXPECT_THAT(refusal(filtered(fmt::format("<{0}>{1}</{0}>", name, size))),
                  HasSubstr("1099511627776000."));
  EXPECT_EQ(refusal(filtered("<ObjectSizeLessThan>0</ObjectSizeLessThan>")),
            "'ObjectSizeLessThan' should be between 1 and 1099511627776000.");
}

TEST_F(LifecycleConfigurationTest, more_days_than_time_has_are_never_over) {
  put("/box/a", "1");
  for (const char* days : {"150000000", "200000000", "2147483647"}) {
    ASSERT_EQ(
        configure(rule("r", fmt::format("{}<Expiration><Days>{}</Days></Expiration>", all, days)))
            .status,
        200);
    let_pass(std::chrono::days(2));
    EXPECT_EQ(get("/box/a").status, 200) << days;
  }
}

TEST_F(LifecycleConfigurationTest, a_name_that_no_header_can_carry_is_encoded) {
  ASSERT_EQ(configure(rule("a&#13;&#10;x: \u00e9",
                           fmt::format("{}{}<AbortIncompleteMultipartUpload><DaysAfterInitiation>2"
                                       "</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
                                       all, week)))
                .status,
            200);
  EXPECT_THAT(put("/box/a", "1").header("x-amz-expiration"),
              HasSubstr("rule-id=\"a%0D%0Ax%3A%20%C3%A9\""));
  EXPECT_EQ(ask("POST", "/box/a?uploads").header("x-amz-abort-rule-id"), "a%0D%0Ax%3A%20%C3%A9");
}

TEST_F(LifecycleConfigurationTest, one_configuration_is_of_one_form) {
  const std::string in_rule = rule("old", fmt::format("<Prefix>a</Prefix>{}", week));
  const std::string in_filter = rule("new", fmt::format("{}{}", all, week));
  EXPECT_EQ(configure(in_rule + in_filter).element("Message"),
            "Filter element can only be used in Lifecycle V2.");
  EXPECT_EQ(configure(in_filter + in_rule).element("Message"),
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the "
            "Filter.");
  EXPECT_EQ(refusal("<Prefix/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
                    "<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"
                    "</NoncurrentVersionExpiration>"),
            "NewerNoncurrentVersions element can only be used in Lifecycle V2.");
}

TEST_F(LifecycleConfigurationTest, rules_without_a_name_get_one) {
  const Answer made = configure(
      "<Rule><Status>Enabled</Status><Filter/><Expiration><Days>7</Days></Expiration></Rule>");
  ASSERT_EQ(made.status, 200);
  EXPECT_EQ(made.header("x-amz-transition-default-minimum-object-size"),
            "all_storage_classes_128K");
  EXPECT_EQ(get("/box?lifecycle").element("ID").size(), 48u);
}

TEST_F(LifecycleConfigurationTest, what_cannot_be_is_refused_in_aws_words) {
  const std::string every(all);
  EXPECT_EQ(refusal(week), "MalformedXML");
  EXPECT_EQ(refusal(every + "<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true"
                            "</ExpiredObjectDeleteMarker></Expiration>"),
            "MalformedXML");
  EXPECT_EQ(refusal(every + "<NoncurrentVersionExpiration/>"), "MalformedXML");
  EXPECT_EQ(refusal(filtered("<Prefix/><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>")),
            "MalformedXML");
  EXPECT_EQ(refusal(every + "<Expiration><Date>2023-01-01T02:02:00Z</Date></Expiration>"),
            "'Date' must be at midnight GMT");
  EXPECT_EQ(refusal(filtered("<And><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>k</Key>"
                             "<Value>w</Value></Tag></And>")),
            "Duplicate Tag Keys are not allowed.");
  EXPECT_EQ(refusal(every + "<Expiration><Days>0</Days></Expiration>"),
            "'Days' for Expiration action must be a positive integer");
  EXPECT_EQ(refusal(every), "At least one action needs to be specified in a rule");
  const auto move = [&](int days, std::string_view storage_class) {
    return fmt::format("{}<Transition><Days>{}</Days><StorageClass>{}</StorageClass></Transition>",
                       all, days, storage_class);
  };
  EXPECT_EQ(refusal(move(1, "OUTPOSTS")), "MalformedXML");
  EXPECT_EQ(refusal(move(1, "STANDARD_IA")),
            "'Days' in Transition action must be greater than or equal to 30 for storageClass "
            "'STANDARD_IA'");
  EXPECT_EQ(configure(rule("r", move(0, "INTELLIGENT_TIERING"))).status, 200);
  EXPECT_EQ(refusal(move(1, "GLACIER_IR") +
                    "<Transition><Days>9</Days><StorageClass>GLACIER_IR</StorageClass>"
                    "</Transition>"),
            "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter "
            "'(prefix=)'");
  EXPECT_EQ(
      refusal(move(1, "GLACIER_IR") + "<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>"),
      "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle "
      "rule for filter '(prefix=)'");
  const std::string large = "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>";
  EXPECT_EQ(refusal(large + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1"
                            "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"),
            "AbortIncompleteMultipartUpload cannot be specified with Object Size.");
  EXPECT_EQ(refusal(large + "<Expiration><ExpiredObjectDeleteMarker>true"
                            "</ExpiredObjectDeleteMarker></Expiration>"),
            "ExpiredObjectDeleteMarker cannot be specified with Object Size.");
  EXPECT_EQ(configure(rule(std::string(256, 'x'), filtered(""))).element("Message"),
            "ID length should not exceed allowed limit of 255");
}

}  // namespace
}  // namespace slipway::s3
