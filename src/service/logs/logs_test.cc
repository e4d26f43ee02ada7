#include "service/logs/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "gen/logs.h"
#include "place/simulated/simulated_place.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/tokens.h"

namespace slipway::logs_door {
namespace {

namespace api = aws::logs;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string space = "000000000000/us-east-1";
const std::string group = "/aws/sagemaker/Endpoints/iris";

class LogsDoorTest : public testing::Test {
 protected:
  LogsDoorTest() {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-door-XXXXXX").string();
    folder = mkdtemp(name.data());
    book = logs::LogBook::open(folder).value();
    install(registry, *book, place);
  }
  ~LogsDoorTest() override { std::filesystem::remove_all(folder); }

  void add(const std::string& stream, std::string_view message) {
    const logs::StreamName name{space, group, stream};
    const logs::Line line{message, book->cursor(name) + 1};
    ASSERT_TRUE(book->append(name, clock.now(), {&line, 1}));
    clock.advance(1s);
  }

  // Runs an operation as the front does, with what `fill` put into its input.
  template <typename Output, typename Input, typename Fill>
  Result<Output> call(std::string_view operation, Fill fill) {
    Input in(arena);
    fill(in);
    const net::RequestHead head{};
    service::Call call({clock, random}, caller, head, "id", arena);
    TRY(const wire::Node node,
        registry.find(*api::schema().find_operation(operation))->handler(call, in.node()));
    return Output(node, &arena);
  }
  auto get(auto fill) {
    return call<api::GetLogEventsResponse, api::GetLogEventsRequest>("GetLogEvents", [&](auto& in) {
      in.logGroupName(group).logStreamName("blue/i-1");
      fill(in);
    });
  }
  auto filter(auto fill) {
    return call<api::FilterLogEventsResponse, api::FilterLogEventsRequest>("FilterLogEvents",
                                                                           [&](auto& in) {
                                                                             in.logGroupName(group);
                                                                             fill(in);
                                                                           });
  }
  static std::vector<std::string> messages_of(const auto& out) {
    std::vector<std::string> messages;
    for (const auto event : out.events()) messages.emplace_back(*event.message());
    return messages;
  }

  std::filesystem::path folder;
  ManualClock clock;
  SeededRandom random{1};
  wire::Arena arena;
  service::Caller caller{.principal = {.account = "000000000000"}, .region = "us-east-1"};
  place::SimulatedMachine machine{clock, random};
  place::SimulatedPlace place{machine, [](place::Observation) {}};
  std::unique_ptr<logs::LogBook> book;
  service::Registry registry;
};

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

TEST(FilterPatternTest, WordsPhrasesEitherAndWithout) {
  const auto matches = [](std::string_view pattern, std::string_view message) {
    return FilterPattern::parse(pattern).value().matches(message);
  };
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("ERROR model", "ERROR: model is gone"));
  EXPECT_FALSE(matches("ERROR model", "ERROR: data is gone"));
  EXPECT_TRUE(matches("\"model is\"", "ERROR: model is gone"));
  EXPECT_TRUE(matches("?ERROR ?WARN", "WARN"));
  EXPECT_FALSE(matches("?ERROR ?WARN", "INFO"));
  EXPECT_FALSE(matches("gone -ERROR", "ERROR: gone"));
  EXPECT_FALSE(matches("error", "ERROR"));
  EXPECT_EQ(FilterPattern::parse("{ $.x = 1 }").error().code, ErrorCode::not_implemented);
  EXPECT_FALSE(FilterPattern::parse("\"open"));
}

}  // namespace
}  // namespace slipway::logs_door
