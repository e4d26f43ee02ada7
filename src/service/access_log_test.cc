#include "service/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/test_folder.h"

namespace slipway::service {
namespace {

using namespace std::chrono_literals;

class AccessLogTest : public testing::Test {
 protected:
  std::unique_ptr<AccessLog> open() { return AccessLog::open(file_.string(), clock_).value(); }

  static std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void wait_for(const std::filesystem::path& file, std::string_view text) {
    for (int i = 0; i < 1000 && !text_of(file).contains(text); ++i)
      std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(text_of(file).contains(text)) << text_of(file);
  }

  SystemClock clock_;
  TestFolder folder_;
  const std::filesystem::path file_ = folder_ / "access.log";
};

TEST_F(AccessLogTest, lines_are_appended_for_the_owner_alone_and_none_is_lost_at_the_end) {
  {
    const auto log = open();
    for (int i = 0; i < 1000; ++i) log->add("one\n");
    EXPECT_EQ(log->lost(), 0U);
  }
  open()->add("two\n");
  const std::string text = text_of(file_);
  EXPECT_EQ(text.size(), 4 * 1001U);
  EXPECT_TRUE(text.ends_with("one\ntwo\n"));
  struct stat facts{};
  ASSERT_EQ(::stat(file_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(AccessLogTest, a_file_that_was_moved_away_is_begun_anew) {
  const auto log = open();
  log->add("old\n");
  wait_for(file_, "old\n");
  std::filesystem::rename(file_, folder_ / "access.log.1");
  log->add("new\n");
  wait_for(file_, "new\n");
  EXPECT_EQ(text_of(file_), "new\n");
  EXPECT_EQ(text_of(folder_ / "access.log.1"), "old\n");
}

// Nobody reads the pipe: the kernel takes 64 KiB, the log what it may, and add() never waits.
TEST_F(AccessLogTest, what_has_no_room_is_counted_and_said_and_holds_up_nobody) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  const Fd reader(::open(file_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader);
  const auto log = AccessLog::open(file_.string(), clock_, 32 * 1024).value();
  for (int i = 0; i < 300; ++i) log->add(std::string(1023, 'x') + "\n");
  EXPECT_GT(log->lost(), 0U);
  std::string read;
  char block[65536];
  for (int i = 0; i < 5000 && !read.contains("\"lost\":"); ++i) {
    const ssize_t got = ::read(reader.get(), block, sizeof block);
    if (got > 0)
      read.append(block, static_cast<std::size_t>(got));
    else
      std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(read.contains(R"(,"lost":)")) << read.size();
}

TEST_F(AccessLogTest, an_end_waits_for_a_pipe_that_nobody_reads_no_longer_than_a_moment) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  const Fd reader(::open(file_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  auto log = open();
  for (int i = 0; i < 1000; ++i) log->add(std::string(1023, 'x') + "\n");
  const Instant began = clock_.monotonic();
  log.reset();
  EXPECT_LT(clock_.monotonic() - began, 10s);
}

TEST_F(AccessLogTest, a_file_that_cannot_be_opened_is_refused_by_name) {
  const auto refused = AccessLog::open((folder_ / "no" / "folder").string(), clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(refused.error().message.contains("/no/folder"));
}

}  // namespace
}  // namespace slipway::service
