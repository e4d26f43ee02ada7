#include "base/disk_room.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/test_folder.h"

namespace slipway {
namespace {

// A file system of 64 MiB in memory, where this test may mount one.
class DiskRoomTest : public testing::Test {
 protected:
  void SetUp() override {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=64m") == 0;
    if (!mounted_) GTEST_SKIP() << "no file system can be mounted here";
  }
  ~DiskRoomTest() override {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }

  // Fills the disk until `left` bytes are free.
  void fill_up_to(std::uint64_t left) {
    const auto free = std::filesystem::space(folder_.path()).available;
    std::ofstream(folder_ / "filling", std::ios::app) << std::string(free - left, 'x');
  }

  TestFolder folder_;
  bool mounted_ = false;
};

constexpr std::uint64_t mib = 1 << 20;

TEST_F(DiskRoomTest, bytes_stop_before_the_reserve_and_changes_before_half_of_it) {
  const DiskRoom room(folder_.path());
  EXPECT_TRUE(room.admit_bytes(40 * mib));
  EXPECT_FALSE(room.admit_bytes(50 * mib));
  fill_up_to(15 * mib);
  const Result<> refused = room.admit_bytes(0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, "disk_full");
  EXPECT_TRUE(room.admit_change(0));
  fill_up_to(7 * mib);
  EXPECT_TRUE(room.is_low());
  EXPECT_FALSE(room.admit_change(0));
  EXPECT_TRUE(room.admit_change(2 * mib));
}

TEST_F(DiskRoomTest, the_reserves_file_outlives_what_others_write_and_is_given_free_for_deletions) {
  DiskRoom room(folder_.path());
  ASSERT_TRUE(std::filesystem::exists(folder_ / "reserve"));
  EXPECT_FALSE(room.is_nearly_full());
  fill_up_to(0);
  EXPECT_TRUE(room.is_nearly_full());
  room.release_file(std::chrono::milliseconds(0));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "reserve"));
  EXPECT_EQ(std::filesystem::space(folder_.path()).available, 4 * mib);
  std::filesystem::remove(folder_ / "filling");
  room.keep_file();
  EXPECT_TRUE(std::filesystem::exists(folder_ / "reserve"));
}

TEST_F(DiskRoomTest,
       the_file_is_kept_for_a_moment_in_which_a_program_that_fills_the_disk_is_ended) {
  constexpr std::chrono::milliseconds patience{60};
  DiskRoom room(folder_.path());
  fill_up_to(0);
  room.release_file(patience);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "reserve"));
  std::filesystem::remove(folder_ / "filling");
  std::this_thread::sleep_for(patience);
  room.release_file(patience);
  fill_up_to(0);
  room.release_file(patience);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "reserve")) << "the time begins anew";
  std::this_thread::sleep_for(patience);
  room.release_file(patience);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "reserve"));
}

TEST(DiskRoom, the_file_stays_while_there_is_room) {
  TestFolder folder;
  DiskRoom room(folder.path());
  const bool made = std::filesystem::exists(folder / "reserve");
  room.release_file(std::chrono::milliseconds(0));
  EXPECT_EQ(std::filesystem::exists(folder / "reserve"), made);
}

}  // namespace
}  // namespace slipway
