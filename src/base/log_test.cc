#include "base/log.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

namespace slipway {
namespace {

// What is logged while `act` runs.
std::string logged(const std::function<void()>& act) {
  testing::internal::CaptureStderr();
  act();
  return testing::internal::GetCapturedStderr();
}

class LogTest : public testing::Test {
 protected:
  LogTest() { configure_log(LogLevel::info, LogFormat::json); }
  ~LogTest() override { configure_log(LogLevel::info, LogFormat::human); }
};

TEST_F(LogTest, lines_of_a_request_name_it_and_others_do_not) {
  const std::string lines = logged([] {
    log_info("net", "before");
    {
      const LogRequest outer("one\"");
      log_info("net", "within", {{"key", "value"}});
      {
        const LogRequest inner("two");
        log_info("net", "inner");
        std::thread([] { log_info("net", "elsewhere"); }).join();
      }
      log_info("net", "within again");
    }
    log_info("net", "after");
  });
  EXPECT_TRUE(lines.contains(R"("message":"before"})")) << lines;
  EXPECT_TRUE(lines.contains(R"("message":"within","key":"value","request":"one\""})")) << lines;
  EXPECT_TRUE(lines.contains(R"("message":"inner","request":"two"})")) << lines;
  EXPECT_TRUE(lines.contains(R"("message":"elsewhere"})")) << lines;
  EXPECT_TRUE(lines.contains(R"("message":"within again","request":"one\""})")) << lines;
  EXPECT_TRUE(lines.contains(R"("message":"after"})")) << lines;
  configure_log(LogLevel::info, LogFormat::human);
  const LogRequest about("three");
  EXPECT_TRUE(logged([] { log_info("net", "m"); }).ends_with("m  request=three\n"));
}

TEST_F(LogTest, each_room_has_a_level_of_its_own_while_the_program_runs) {
  const auto say = [] {
    log_debug("fleet", "quiet");
    log_debug("net", "silent");
    log_error("store", "loud");
  };
  EXPECT_FALSE(logged(say).contains("quiet"));
  set_log_level("fleet", LogLevel::debug);
  std::string lines = logged(say);
  EXPECT_TRUE(lines.contains("quiet"));
  EXPECT_FALSE(lines.contains("silent"));
  EXPECT_EQ(log_level("fleet"), LogLevel::debug);
  EXPECT_EQ(log_level("net"), LogLevel::info);
  configure_log(LogLevel::error);
  lines = logged(say);
  EXPECT_FALSE(lines.contains("quiet")) << "all rooms are set at once";
  EXPECT_TRUE(lines.contains("loud"));
}

TEST_F(LogTest, rooms_and_levels_are_known_by_name) {
  EXPECT_EQ(LogRoom::find("fleet")->name(), "fleet");
  EXPECT_FALSE(LogRoom::find("fleets"));
  EXPECT_EQ(log_level_of("warning"), LogLevel::warning);
  EXPECT_FALSE(log_level_of("WARNING"));
  EXPECT_EQ(name_of(*log_level_of("debug")), "debug");
}

}  // namespace
}  // namespace slipway
