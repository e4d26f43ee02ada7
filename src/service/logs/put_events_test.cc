#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/logs/test_logs_door.h"

namespace slipway::logs_door {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using testing::ElementsAre;
using testing::IsEmpty;

class PutEventsTest : public LogsDoorTest {
 protected:
  PutEventsTest() {
    EXPECT_TRUE(create_named(group));
    EXPECT_TRUE(make("s"));
  }
  Result<> make(const std::string& stream) {
    return call<void, api::CreateLogStreamRequest>(
        "CreateLogStream", [&](auto& in) { in.logGroupName(group).logStreamName(stream); });
  }
  Result<> remove(const std::string& stream) {
    return call<void, api::DeleteLogStreamRequest>(
        "DeleteLogStream", [&](auto& in) { in.logGroupName(group).logStreamName(stream); });
  }
  // Each event: how long ago it was, and its message.
  using Given = std::vector<std::pair<std::chrono::milliseconds, std::string>>;
  Result<api::PutLogEventsResponse> put(const Given& events, const std::string& stream = "s") {
    return call<api::PutLogEventsResponse, api::PutLogEventsRequest>("PutLogEvents", [&](auto& in) {
      in.logGroupName(group).logStreamName(stream);
      for (const auto& [ago, message] : events)
        in.add_logEvents().timestamp(now_ms() - ago.count()).message(message);
    });
  }
  std::int64_t now_ms() const {
    return std::chrono::floor<std::chrono::milliseconds>(clock.now()).time_since_epoch().count();
  }
  std::vector<std::string> kept() {
    return messages_of(filter([](auto&) {}).value());
  }
};

TEST_F(PutEventsTest, WhatIsPutIsReadInTheOrderOfTime) {
  ASSERT_TRUE(put({{20s, "b"}, {10s, "d"}}));
  const auto out = put({{30s, "a"}, {15s, "c\nc"}}).value();
  EXPECT_FALSE(out.rejectedLogEventsInfo());
  EXPECT_TRUE(out.nextSequenceToken());
  EXPECT_THAT(kept(), ElementsAre("a", "b", "c\nc", "d"));
  const auto page = filter([](auto& in) { in.limit(1); }).value();
  EXPECT_EQ(*page.events()[0].timestamp(), now_ms() - 30'000);
  EXPECT_EQ(*page.events()[0].ingestionTime(), now_ms());
}

TEST_F(PutEventsTest, WhatIsTooOldOrTooNewIsLeftOutAndToldOf) {
  const auto old = put({{15 * days(1), "a"}, {1s, "b"}, {-3h, "c"}, {-4h, "d"}}).value();
  const auto rejected = old.rejectedLogEventsInfo();
  EXPECT_EQ(*rejected.tooOldLogEventEndIndex(), 1);
  EXPECT_EQ(*rejected.tooNewLogEventStartIndex(), 2);
  EXPECT_FALSE(rejected.expiredLogEventEndIndex());
  ASSERT_TRUE(retain(1));
  const auto expired = put({{2 * days(1), "e"}, {0s, "f"}}).value();
  EXPECT_EQ(*expired.rejectedLogEventsInfo().expiredLogEventEndIndex(), 1);
  EXPECT_THAT(kept(), ElementsAre("b", "f"));
}

TEST_F(PutEventsTest, ABatchHasAnOrderASizeAndASpan) {
  EXPECT_EQ(put({{1s, "a"}, {2s, "b"}}).error().message,
            "Log events in a single PutLogEvents request must be in chronological order.");
  EXPECT_EQ(put({{1s, std::string(1'048'576, 'x')}}).error().message,
            "Upload too large: 1048602 bytes exceeds limit of 1048576");
  EXPECT_TRUE(put({{1s, std::string(1'048'576 - 26, 'x')}}));
  EXPECT_EQ(put({{25h, "a"}, {0s, "b"}}).error().message,
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours.");
  EXPECT_TRUE(put({{24h, "a"}, {0s, "b"}}));
  EXPECT_EQ(kept().front(), "a");
}

TEST_F(PutEventsTest, StreamsAreMadeAndRemovedByName) {
  EXPECT_EQ(make("s").error().message, "The specified log stream already exists");
  EXPECT_EQ(put({{0s, "a"}}, "none").error().message, "The specified log stream does not exist.");
  ASSERT_TRUE(put({{0s, "a"}}));
  ASSERT_TRUE(remove("s"));
  EXPECT_EQ(remove("s").error().message, "The specified log stream does not exist.");
  EXPECT_THAT(kept(), IsEmpty());
  const auto gone = call<void, api::CreateLogStreamRequest>(
      "CreateLogStream", [&](auto& in) { in.logGroupName("none").logStreamName("s"); });
  EXPECT_EQ(gone.error().message, "The specified log group does not exist.");
}

TEST_F(PutEventsTest, EventsOfTwoStreamsHaveTwoIds) {
  ASSERT_TRUE(make("t"));
  ASSERT_TRUE(put({{0s, "same"}}, "s"));
  ASSERT_TRUE(put({{0s, "same"}}, "t"));
  const auto page = filter([](auto&) {}).value();
  ASSERT_EQ(page.events().size(), 2U);
  EXPECT_NE(*page.events()[0].eventId(), *page.events()[1].eventId());
  EXPECT_EQ(page.events()[0].eventId()->size(), 56U);
}

}  // namespace
}  // namespace slipway::logs_door
