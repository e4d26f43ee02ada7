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

TEST(ClockTest, a_clock_that_is_set_moves_civil_time_alone) {
  ManualClock clock(moment);
  const ServerTime server = clock.server_time();
  const Instant instant = clock.monotonic();
  clock.set_civil_by(-std::chrono::hours(1));
  EXPECT_EQ(clock.now(), moment - std::chrono::hours(1));
  EXPECT_EQ(clock.server_time(), server);
  EXPECT_EQ(clock.monotonic(), instant);
  clock.advance(seconds(3));
  EXPECT_EQ(clock.server_time() - server, seconds(3));
}

constexpr ServerTime stood{seconds(1'000)};
constexpr std::string_view one_boot = "one", other_boot = "other";

ClockNote note_at(seconds since_boot) {
  return {.server = stood,
          .machine = {.civil = moment, .boot = std::string(one_boot), .since_boot = since_boot}};
}
ClockReading reading(std::string_view boot, seconds since_boot, seconds civil_since_note) {
  return {.civil = moment + civil_since_note, .boot = std::string(boot), .since_boot = since_boot};
}

TEST(ClockTest, within_one_boot_server_time_passes_whatever_the_civil_clock_says) {
  for (const auto set : {seconds(-1'000'000), seconds(0), seconds(60), seconds(1'000'000)})
    EXPECT_EQ(resume(note_at(seconds(100)), reading(one_boot, seconds(160), set)),
              stood + seconds(60));
}

TEST(ClockTest, over_a_boot_server_time_never_goes_back_and_never_leaps) {
  const auto after = [](seconds civil) {
    return resume(note_at(seconds(100)), reading(other_boot, seconds(5), civil)) - stood;
  };
  EXPECT_EQ(after(seconds(300)), seconds(300));
  EXPECT_EQ(after(seconds(-300)), seconds(0));
  EXPECT_EQ(after(std::chrono::hours(24 * 365)), off_time_max);
}

TEST(ClockTest, a_boot_that_is_not_known_or_began_anew_is_another) {
  ClockNote unknown = note_at(seconds(100));
  unknown.machine.boot.clear();
  EXPECT_EQ(resume(unknown, reading("", seconds(500), seconds(30))), stood + seconds(30));
  EXPECT_EQ(resume(note_at(seconds(100)), reading(one_boot, seconds(50), seconds(30))),
            stood + seconds(30));
}

TEST(ClockTest, the_machine_goes_on_from_a_note) {
  SystemClock clock;
  EXPECT_LT(
      std::chrono::abs(clock.server_time().time_since_epoch() - clock.now().time_since_epoch()),
      seconds(5))
      << "it begins as civil time";
  ClockNote note = clock.note();
  note.server = stood;
  SystemClock next;
  next.go_on_from(note);
  EXPECT_GE(next.server_time(), stood);
  EXPECT_LT(next.server_time(), stood + seconds(30));
}

}  // namespace
}  // namespace slipway
