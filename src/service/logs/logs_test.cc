#include "service/logs/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "service/logs/test_logs_door.h"
#include "service/logs/tokens.h"

namespace slipway::logs_door {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const auto nothing_more = [](auto&) {};

TEST_F(LogsDoorTest, TheSameTokenComesBackAtTheEndOfAStream) {
  for (const char* message : {"a", "b", "c"}) add("blue/i-1", message);
  const auto first = get([](auto& in) { in.startFromHead(true).limit(2); }).value();
  EXPECT_THAT(messages_of(first), ElementsAre("a", "b"));
  std::string token(*first.nextForwardToken());
  const auto second = get([&](auto& in) { in.nextToken(token); }).value();
  EXPECT_THAT(messages_of(second), ElementsAre("c"));
  token = *second.nextForwardToken();
  const auto third = get([&](auto& in) { in.nextToken(token); }).value();
  EXPECT_THAT(messages_of(third), IsEmpty());
  EXPECT_EQ(*third.nextForwardToken(), token);
  add("blue/i-1", "d");
  EXPECT_THAT(messages_of(get([&](auto& in) { in.nextToken(token); }).value()), ElementsAre("d"));
}

TEST_F(LogsDoorTest, WithoutStartFromHeadTheNewestComeAndTheBackwardTokenLeadsBack) {
  for (const char* message : {"a", "b", "c"}) add("blue/i-1", message);
  const auto last = get([](auto& in) { in.limit(2); }).value();
  EXPECT_THAT(messages_of(last), ElementsAre("b", "c"));
  const std::string token(*last.nextBackwardToken());
  const auto before = get([&](auto& in) { in.nextToken(token).limit(2); }).value();
  EXPECT_THAT(messages_of(before), ElementsAre("a"));
  const std::string end(*before.nextBackwardToken());
  EXPECT_EQ(*get([&](auto& in) { in.nextToken(end); }).value().nextBackwardToken(), end);
}

TEST_F(LogsDoorTest, APageGoesOnBehindAStreamThatIsGone) {
  const auto streams = [&](auto fill) {
    return call<api::DescribeLogStreamsResponse, api::DescribeLogStreamsRequest>(
               "DescribeLogStreams",
               [&](auto& in) {
                 in.logGroupName(group).limit(2);
                 fill(in);
               })
        .value();
  };
  for (const char* stream : {"a", "b", "c"}) add(stream, "x");
  const std::string token(*streams(nothing_more).nextToken());
  book->remove({space, group}, book->next_stream());
  for (const char* stream : {"a", "c"}) add(stream, "x");
  const auto next = streams([&](auto& in) { in.nextToken(token); });
  ASSERT_EQ(next.logStreams().size(), 1U);
  EXPECT_EQ(*next.logStreams()[0].logStreamName(), "c");
}

TEST_F(LogsDoorTest, TimesAreMillisecondsAndBoundTheAnswer) {
  const std::int64_t start = 1'700'000'000'000;
  for (const char* message : {"a", "b", "c"}) add("blue/i-1", message);
  const auto range = [&](auto& in) { in.startTime(start).endTime(start + 1'000); };
  EXPECT_THAT(messages_of(get(range).value()), ElementsAre("a"));
  EXPECT_THAT(messages_of(filter(range).value()), ElementsAre("a", "b"));
  EXPECT_EQ(*get(range).value().events()[0].timestamp(), start);
}

TEST_F(LogsDoorTest, FilteringPagesOverAllStreams) {
  for (int i = 0; i < 6; ++i) add(i % 2 == 0 ? "blue/i-1" : "green/i-2", i < 3 ? "load" : "serve");
  std::vector<std::string> streams;
  std::string token;
  do {
    const auto page = filter([&](auto& in) {
                        in.limit(2).filterPattern("serve");
                        if (!token.empty()) in.nextToken(token);
                      }).value();
    for (const auto event : page.events()) streams.emplace_back(*event.logStreamName());
    token = page.nextToken().value_or("");
  } while (!token.empty());
  EXPECT_THAT(streams, ElementsAre("green/i-2", "blue/i-1", "green/i-2"));
}

TEST_F(LogsDoorTest, GroupsAndStreamsAreListedInPages) {
  for (const char* stream : {"a", "b", "c"}) add(stream, "x");
  const auto streams = [&](auto fill) {
    return call<api::DescribeLogStreamsResponse, api::DescribeLogStreamsRequest>(
               "DescribeLogStreams",
               [&](auto& in) {
                 in.logGroupName(group);
                 fill(in);
               })
        .value();
  };
  const auto first =
      streams([](auto& in) { in.limit(2).descending(true).orderBy("LastEventTime"); });
  EXPECT_EQ(*first.logStreams()[0].logStreamName(), "c");
  const std::string token(*first.nextToken());
  const auto second = streams(
      [&](auto& in) { in.limit(2).descending(true).orderBy("LastEventTime").nextToken(token); });
  EXPECT_EQ(*second.logStreams()[0].logStreamName(), "a");
  EXPECT_FALSE(second.nextToken());

  const auto groups =
      call<api::DescribeLogGroupsResponse, api::DescribeLogGroupsRequest>(
          "DescribeLogGroups", [](auto& in) { in.logGroupNamePattern("sagemaker"); })
          .value();
  ASSERT_EQ(groups.logGroups().size(), 1U);
  EXPECT_EQ(*groups.logGroups()[0].arn(),
            "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/iris:*");
}

TEST_F(LogsDoorTest, WhatIsNotThereIsResourceNotFound) {
  EXPECT_EQ(get(nothing_more).error().message, "The specified log group does not exist.");
  add("other", "x");
  EXPECT_EQ(get(nothing_more).error().message, "The specified log stream does not exist.");
  EXPECT_EQ(filter([](auto& in) { in.logGroupIdentifier("x"); }).error().kind,
            "InvalidParameterException");
}

TEST_F(LogsDoorTest, AGroupMayBeNamedByItsArn) {
  add("blue/i-1", "x");
  const auto out = call<api::FilterLogEventsResponse, api::FilterLogEventsRequest>(
      "FilterLogEvents", [](auto& in) {
        in.logGroupIdentifier("arn:aws:logs:us-east-1:000000000000:log-group:" + group + ":*");
      });
  EXPECT_THAT(messages_of(out.value()), ElementsAre("x"));
}

TEST_F(LogsDoorTest, AnArnOfAnotherAccountOrRegionMeansNoGroupOfThisOne) {
  add("blue/i-1", "x");
  for (const std::string elsewhere : {"eu-west-1:000000000000", "us-east-1:111111111111"}) {
    const auto out = call<api::FilterLogEventsResponse, api::FilterLogEventsRequest>(
        "FilterLogEvents", [&](auto& in) {
          in.logGroupIdentifier("arn:aws:logs:" + elsewhere + ":log-group:" + group);
        });
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().message, "The specified log group does not exist.");
  }
}

TEST_F(LogsDoorTest, BytesThatAreNoTextAreReplaced) {
  add("blue/i-1", "a\xff\xc3\xa4\xc3");
  EXPECT_THAT(messages_of(get(nothing_more).value()),
              ElementsAre("a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd"));
}

TEST_F(LogsDoorTest, TokensThatNobodyGaveAreRefusedOrHarmless) {
  add("blue/i-1", "x");
  for (const std::string token :
       {"", "x", "f/", "f/x/s", "f/99999999999999999999999/s", "//////"}) {
    EXPECT_FALSE(get([&](auto& in) { in.nextToken(token); })) << token;
    EXPECT_FALSE(filter([&](auto& in) { in.nextToken(token); })) << token;
  }
  EXPECT_TRUE(get([](auto& in) { in.nextToken("b/18446744073709551615/s"); }));
  EXPECT_TRUE(get([](auto& in) { in.nextToken("f/18446744073709551615/s"); }));
  const logs::EventPlace place{Timestamp(1us), "a b", 7};
  EXPECT_EQ(event_place(to_text(place)).value(), place);
}

const std::string arn = "arn:aws:logs:us-east-1:000000000000:log-group:" + group;

TEST_F(LogsDoorTest, AGroupIsMadeOnceAndShownWithWhatItWasGiven) {
  ASSERT_TRUE(create(
      [](auto& in) { in.logGroupName(group).logGroupClass("STANDARD").put_tags("a", "1"); }));
  EXPECT_EQ(create_named(group).error().kind, "group_exists");
  ASSERT_TRUE(retain(30));
  const auto out = describe([](auto& in) { in.add_logGroupIdentifiers(arn); }).value();
  ASSERT_EQ(out.logGroups().size(), 1U);
  const auto shown = out.logGroups()[0];
  EXPECT_EQ(*shown.creationTime(), 1'700'000'000'000);
  EXPECT_EQ(*shown.retentionInDays(), 30);
  EXPECT_EQ(*shown.arn(), arn + ":*");
  EXPECT_EQ(*shown.logGroupArn(), arn);
  EXPECT_EQ(*shown.storedBytes(), 0);
  EXPECT_FALSE(*shown.deletionProtectionEnabled());
  EXPECT_EQ(tags_of(arn), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_THAT(messages_of(filter(nothing_more).value()), IsEmpty());
  EXPECT_EQ(get(nothing_more).error().message, "The specified log stream does not exist.");
}

TEST_F(LogsDoorTest, WhatCannotBeKeptIsRefusedByName) {
  const auto refusal = [&](auto fill) {
    return create([&](auto& in) {
             in.logGroupName("g");
             fill(in);
           })
        .error();
  };
  EXPECT_THAT(refusal([](auto& in) { in.kmsKeyId("k"); }).message,
              testing::HasSubstr("kmsKeyId is not supported"));
  EXPECT_THAT(refusal([](auto& in) { in.logGroupClass("INFREQUENT_ACCESS"); }).message,
              testing::HasSubstr("logGroupClass INFREQUENT_ACCESS"));
  EXPECT_THAT(refusal([](auto& in) { in.deletionProtectionEnabled(true); }).message,
              testing::HasSubstr("deletionProtectionEnabled"));
  EXPECT_EQ(create_named("AWS/mine").error().message,
            "Log groups starting with AWS/ are reserved for AWS.");
  EXPECT_TRUE(create_named("awsome"));
}

TEST_F(LogsDoorTest, AGroupIsRemovedAndWhoPrintsMakesItAnew) {
  add("blue/i-1", "x");
  const auto remove = [&] {
    return call<void, api::DeleteLogGroupRequest>("DeleteLogGroup",
                                                  [](auto& in) { in.logGroupName(group); });
  };
  ASSERT_TRUE(remove());
  EXPECT_THAT(names_of(describe(nothing_more).value()), IsEmpty());
  EXPECT_EQ(get(nothing_more).error().message, "The specified log group does not exist.");
  EXPECT_EQ(remove().error().kind, "no_such_group");
  add("blue/i-1", "y");
  EXPECT_THAT(messages_of(get(nothing_more).value()), ElementsAre("y"));
}

TEST_F(LogsDoorTest, NobodyIsShownWhatIsPastTheRetention) {
  add("blue/i-1", "a");
  add("green/i-2", "b");
  ASSERT_TRUE(retain(1));
  clock.advance(std::chrono::days(1) - 1s);  // of "a" it is a day and a second
  add("green/i-2", "c");
  EXPECT_THAT(messages_of(get(nothing_more).value()), IsEmpty());
  EXPECT_THAT(messages_of(filter(nothing_more).value()), ElementsAre("c"));
  EXPECT_THAT(messages_of(filter([](auto& in) { in.startTime(1); }).value()), ElementsAre("c"));
  const auto streams = call<api::DescribeLogStreamsResponse, api::DescribeLogStreamsRequest>(
                           "DescribeLogStreams", [](auto& in) { in.logGroupName(group); })
                           .value();
  ASSERT_EQ(streams.logStreams().size(), 2U);
  EXPECT_FALSE(streams.logStreams()[0].firstEventTimestamp());
  EXPECT_EQ(streams.logStreams()[1].firstEventTimestamp(),
            streams.logStreams()[1].lastEventTimestamp());
  ASSERT_TRUE((call<void, api::DeleteRetentionPolicyRequest>(
      "DeleteRetentionPolicy", [](auto& in) { in.logGroupName(group); })));
  EXPECT_THAT(messages_of(get(nothing_more).value()), ElementsAre("a"));
}

TEST_F(LogsDoorTest, ARetentionIsOfTheDaysThatThereAre) {
  ASSERT_TRUE(create_named(group));
  for (const int days : {0, -1, 2, 365'000})
    EXPECT_THAT(
        retain(days).error().message,
        testing::StartsWith(fmt::format(
            "1 validation error detected: Value '{}' at 'retentionInDays' failed to satisfy "
            "constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, ",
            days)));
  EXPECT_TRUE(retain(3653));
  EXPECT_EQ(
      (call<void, api::PutRetentionPolicyRequest>(
           "PutRetentionPolicy", [](auto& in) { in.logGroupName("none").retentionInDays(1); }))
          .error()
          .kind,
      "no_such_group");
}

TEST_F(LogsDoorTest, TagsAreOfTheGroupByItsArn) {
  add("blue/i-1", "x");
  EXPECT_TRUE(tag(arn, {{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(tag(arn, {{"b", "3"}}));
  const auto all = std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}};
  EXPECT_EQ(tags_of(arn), all);
  ASSERT_TRUE((call<void, api::UntagResourceRequest>("UntagResource", [&](auto& in) {
    in.resourceArn(arn).add_tagKeys("a").add_tagKeys("none");
  })));
  EXPECT_EQ(tags_of(arn), (std::map<std::string, std::string>{{"b", "3"}}));
  EXPECT_EQ(tag(arn, {{"aws:mine", "1"}}).error().kind, "InvalidParameterException");
  for (const std::string& wrong : {arn + ":*", std::string("arn:aws:sqs:us-east-1:0:q"), group})
    EXPECT_EQ(tag(wrong, {{"a", "1"}}).error().message, "Invalid resourceArn");
  EXPECT_EQ(
      tag("arn:aws:logs:us-east-1:111111111111:log-group:" + group, {{"a", "1"}}).error().kind,
      "no_such_group");
  std::map<std::string, std::string> many;
  for (int i = 0; i < 50; ++i) many.emplace(fmt::format("k{}", i), "v");
  EXPECT_EQ(tag(arn, many).error().kind, "too_many_tags");
  EXPECT_EQ(tags_of(arn).size(), 1U);
}

TEST_F(LogsDoorTest, GroupsAreFoundByNameInPages) {
  for (const char* name : {"a", "b", "c", "bb", "B"}) ASSERT_TRUE(create_named(name));
  std::vector<std::string> seen;
  std::string token;
  do {
    const auto page = describe([&](auto& in) {
                        in.limit(2);
                        if (!token.empty()) in.nextToken(token);
                      }).value();
    EXPECT_LE(page.logGroups().size(), 2U);
    for (const std::string& name : names_of(page)) seen.push_back(name);
    token = page.nextToken().value_or("");
    EXPECT_FALSE(describe([&](auto& in) { in.nextToken("x" + token); }));
  } while (!token.empty());
  EXPECT_THAT(seen, ElementsAre("B", "a", "b", "bb", "c"));
  EXPECT_THAT(names_of(describe([](auto& in) { in.logGroupNamePrefix("b"); }).value()),
              ElementsAre("b", "bb"));
  EXPECT_THAT(names_of(describe([](auto& in) { in.logGroupNamePattern("b"); }).value()),
              ElementsAre("b", "bb"));
  EXPECT_THAT(names_of(describe([](auto& in) {
                         for (const char* name : {"c", "a", "none", "a"})
                           in.add_logGroupIdentifiers(name);
                       }).value()),
              ElementsAre("a", "c"));
  EXPECT_THAT(names_of(describe([](auto& in) { in.logGroupClass("DELIVERY"); }).value()),
              IsEmpty());
  EXPECT_FALSE(describe([](auto& in) { in.logGroupNamePrefix("a").logGroupNamePattern("a"); }));
}

}  // namespace
}  // namespace slipway::logs_door
