#include "engine/routing/capture.h"

#include <gtest/gtest.h>

namespace slipway::routing {
namespace {

// A sink that keeps all files, or stands still until told.
class Shelf {
 public:
  Result<> take(const CaptureFile& file) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !blocked_; });
    if (refuses_) return fail(ErrorCode::unavailable, "no");
    files_.push_back(file);
    changed_.notify_all();
    return {};
  }
  void block() { set(blocked_, true); }
  void unblock() { set(blocked_, false); }
  void refuse() { set(refuses_, true); }

  std::vector<CaptureFile> files() {
    const std::lock_guard lock(mutex_);
    return files_;
  }
  bool wait_for(std::size_t files) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return files_.size() >= files; });
  }

 private:
  void set(bool& what, bool to) {
    const std::lock_guard lock(mutex_);
    what = to;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CaptureFile> files_;
  bool blocked_ = false;
  bool refuses_ = false;
};

std::shared_ptr<const CapturePlan> plan_to(std::string destination) {
  return std::make_shared<const CapturePlan>(CapturePlan{.destination = std::move(destination)});
}

CaptureRecord record(std::string variant, std::string input,
                     const std::shared_ptr<const CapturePlan>& plan) {
  return {.plan = plan, .fleet = "f", .variant = std::move(variant), .input = std::move(input)};
}

class Capture : public testing::Test {
 protected:
  ManualClock clock_;
  Shelf shelf_;
  CaptureWriter writer_{clock_, [this](const CaptureFile& file) { return shelf_.take(file); }};
  std::shared_ptr<const CapturePlan> plan_ = plan_to("there");
};

TEST_F(Capture, records_of_a_variant_come_in_one_file_and_each_variant_has_its_own) {
  CaptureBuffer& one = writer_.add_buffer();
  CaptureBuffer& two = writer_.add_buffer();
  one.offer(record("a", "1", plan_));
  one.offer(record("b", "2", plan_));
  two.offer(record("a", "3", plan_));
  two.offer(record("a", "4", plan_to("elsewhere")));
  writer_.stop();
  ASSERT_EQ(shelf_.files().size(), 3U);
  EXPECT_EQ(shelf_.files()[0].records.size(), 2U);
  EXPECT_EQ(shelf_.files()[0].records[0].time, clock_.now());
  EXPECT_EQ(writer_.counts().written, 4U);
  EXPECT_EQ(writer_.counts().dropped, 0U);
}

TEST_F(Capture, records_that_are_stored_for_others_have_files_of_their_own) {
  CaptureBuffer& buffer = writer_.add_buffer();
  CaptureRecord others = record("a", "1", plan_);
  others.writer = "somebody";
  buffer.offer(record("a", "2", plan_));
  buffer.offer(std::move(others));
  writer_.stop();
  EXPECT_EQ(shelf_.files().size(), 2U);
}

TEST_F(Capture, an_hour_s_end_ends_a_file) {
  CaptureBuffer& buffer = writer_.add_buffer();
  buffer.offer(record("a", "1", plan_));
  clock_.advance(std::chrono::hours(1));
  buffer.offer(record("a", "2", plan_));
  writer_.stop();
  EXPECT_EQ(shelf_.files().size(), 2U);
}

TEST_F(Capture, a_file_is_handed_over_when_it_is_old_or_large) {
  CaptureBuffer& buffer = writer_.add_buffer();
  buffer.offer(record("a", std::string(capture_file_bytes_max, 'x'), plan_));
  EXPECT_TRUE(shelf_.wait_for(1)) << "large";
  buffer.offer(record("a", "1", plan_));
  for (int i = 0; i < 200 && shelf_.files().size() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(shelf_.files().size(), 2U) << "old";
}

TEST_F(Capture, a_sink_that_stands_still_costs_records_and_never_a_caller) {
  CaptureBuffer& buffer = writer_.add_buffer();
  shelf_.block();
  const std::string large(1024 * 1024, 'x');
  for (int i = 0; i < 200; ++i) buffer.offer(record("a", large, plan_));
  EXPECT_GT(writer_.counts().dropped, 0U);
  shelf_.unblock();
  writer_.stop();
  const auto [written, dropped] = writer_.counts();
  EXPECT_EQ(written + dropped, 200U);
  EXPECT_GE(written, capture_buffer_bytes_max / large.size() - 1);
}

TEST_F(Capture, a_record_larger_than_the_buffer_is_dropped) {
  writer_.add_buffer().offer(record("a", std::string(capture_buffer_bytes_max, 'x'), plan_));
  EXPECT_EQ(writer_.counts().dropped, 1U);
}

TEST_F(Capture, what_the_sink_refuses_is_counted) {
  shelf_.refuse();
  writer_.add_buffer().offer(record("a", "1", plan_));
  writer_.stop();
  EXPECT_EQ(writer_.counts().dropped, 1U);
  EXPECT_EQ(writer_.counts().written, 0U);
}

TEST_F(Capture, many_loops_offer_at_once_and_nothing_is_lost) {
  std::vector<std::thread> loops;
  for (int i = 0; i < 4; ++i)
    loops.emplace_back([this, &buffer = writer_.add_buffer()] {
      for (int j = 0; j < 1000; ++j) buffer.offer(record("a", "1", plan_));
    });
  for (std::thread& loop : loops) loop.join();
  writer_.stop();
  EXPECT_EQ(writer_.counts().written, 4000U);
}

}  // namespace
}  // namespace slipway::routing
