#include "modelserver/fronts/run_pace.h"

#include <gtest/gtest.h>

namespace slipway::modelserver {
namespace {

using namespace std::chrono_literals;

TEST(RunPace, a_model_is_slow_until_it_was_measured_to_be_fast) {
  RunPace pace;
  EXPECT_TRUE(pace.is_slow());
  EXPECT_FALSE(pace.may_hold_up_loop());
  EXPECT_EQ(pace.link_pace(), 0);
  pace.note_run(800us, 16);
  EXPECT_FALSE(pace.is_slow());
  EXPECT_GT(pace.link_pace(), 0);
}

TEST(RunPace, between_both_limits_a_model_stays_what_it_was) {
  RunPace pace;
  pace.note_run(slow_run_time * 3 / 4, 1);
  EXPECT_TRUE(pace.is_slow());
  EXPECT_TRUE(pace.may_hold_up_loop());
  for (int i = 0; i < 50; ++i) pace.note_run(slow_run_time / 4, 1);
  EXPECT_FALSE(pace.is_slow());
  for (int i = 0; i < 50; ++i) pace.note_run(slow_run_time * 3 / 4, 1);
  EXPECT_FALSE(pace.is_slow());
  for (int i = 0; i < 50; ++i) pace.note_run(lone_run_time_max * 2, 1);
  EXPECT_TRUE(pace.is_slow());
  EXPECT_FALSE(pace.may_hold_up_loop());
}

TEST(RunPace, a_crowd_is_shared_among_runs_and_fades) {
  RunPace pace;
  EXPECT_EQ(pace.fair_share(4), 1U);
  pace.note_crowd(30);
  EXPECT_EQ(pace.fair_share(4), 8U);
  for (int i = 0; i < 100; ++i) pace.note_crowd(2);
  EXPECT_EQ(pace.fair_share(4), 1U);
  EXPECT_EQ(pace.fair_share(1), 2U);
}

}  // namespace
}  // namespace slipway::modelserver
