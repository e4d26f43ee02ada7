#include "base/clock.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp moment{seconds(1'714'566'896)};  // 2024-05-01T12:34:56Z, a Wednesday

TEST(ClockTest, a_time_is_written_in_each_form) {
  EXPECT_EQ(to_iso8601(moment), "2024-05-01T12:34:56Z");
  EXPECT_EQ(to_iso8601(moment + milliseconds(7), Fraction::milliseconds),
            "2024-05-01T12:34:56.007Z");
  EXPECT_EQ(to_iso8601_basic(moment), "20240501T123456Z");
  EXPECT_EQ(to_http_date(moment), "Wed, 01 May 2024 12:34:56 GMT");
  EXPECT_DOUBLE_EQ(to_epoch_seconds(moment + milliseconds(250)), 1'714'566'896.25);
}

TEST(ClockTest, what_was_written_is_read_again) {
  EXPECT_EQ(parse_iso8601(to_iso8601(moment)), moment);
  EXPECT_EQ(parse_iso8601_basic(to_iso8601_basic(moment)), moment);
  EXPECT_EQ(parse_http_date(to_http_date(moment)), moment);
  EXPECT_EQ(from_epoch_seconds(to_epoch_seconds(moment)), moment);
}

TEST(ClockTest, fractions_and_offsets_are_understood) {
  EXPECT_EQ(parse_iso8601("2024-05-01T12:34:56.5Z"), moment + milliseconds(500));
  EXPECT_EQ(parse_iso8601("2024-05-01T14:34:56+02:00"), moment);
  EXPECT_EQ(parse_iso8601("2024-05-01T11:04:56-0130"), moment);
  EXPECT_EQ(parse_iso8601("2024-05-01T12:34:56.123456789Z"),
            moment + std::chrono::microseconds(123'456));
}

TEST(ClockTest, all_three_forms_of_http_are_read) {
  const Timestamp old{seconds(784'111'777)};  // the example of RFC 9110
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), old);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), old);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), old);
}

TEST(ClockTest, days_of_leap_years_are_told_from_days_that_never_were) {
  EXPECT_TRUE(parse_iso8601("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(parse_iso8601("2000-02-29T00:00:00Z"));
  for (const auto text : {"2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
                          "2024-00-01T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z"})
    EXPECT_FALSE(parse_iso8601(text)) << text;
}

TEST(ClockTest, what_is_not_exactly_a_time_is_refused) {
  for (const auto text : {"", "2024", "2024-05-01", "2024-05-01T12:34:56", "2024-05-01T12:34:56Z ",
                          "2024-05-01T12:34:56.Z", "2024-5-01T12:34:56Z", "+024-05-01T12:34:56Z"})
    EXPECT_FALSE(parse_iso8601(text)) << text;
  for (const auto text :
       {"", "20240501", "20240501T123456", "20240501T1234567Z", "2024 501T123456Z"})
    EXPECT_FALSE(parse_iso8601_basic(text)) << text;
  EXPECT_FALSE(parse_http_date("yesterday"));
}

TEST(ClockTest, a_manual_clock_stands_still_until_told) {
  ManualClock clock(moment);
  const Instant before = clock.monotonic();
  EXPECT_EQ(clock.now(), moment);
  clock.advance(seconds(3));
  EXPECT_EQ(clock.now(), moment + seconds(3));
  EXPECT_EQ(clock.monotonic() - before, seconds(3));
}

}  // namespace
}  // namespace slipway
