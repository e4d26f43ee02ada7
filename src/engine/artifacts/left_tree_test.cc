#include "engine/artifacts/left_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/test_folder.h"

namespace slipway::artifacts {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

class LeftTreeTest : public testing::Test {
 protected:
  const TestFolder folder_;
  const fs::path tree_ = folder_.path() / "tree";
};

TEST_F(LeftTreeTest, links_that_lead_out_and_what_is_no_file_are_refused) {
  write(tree_ / "lib/a", "");
  fs::create_symlink("lib", tree_ / "lib64");
  fs::create_directories(tree_ / "bin");
  fs::create_symlink("/usr/bin/python3", tree_ / "bin/python3");
  fs::create_directories(tree_ / "closed");
  fs::permissions(tree_ / "closed", fs::perms::none);
  EXPECT_TRUE(take_over_tree(tree_));
  fs::create_symlink("../../instances", tree_ / "lib/out");
  EXPECT_THAT(take_over_tree(tree_).error().message, HasSubstr("'lib/out', which is a link"));
  fs::remove(tree_ / "lib/out");
  fs::create_directories(tree_ / "a/b/c");
  fs::create_symlink("../../../lib", tree_ / "a/b/c/up");
  fs::create_symlink("up/../../instances", tree_ / "a/b/c/out");
  EXPECT_THAT(take_over_tree(tree_).error().message, HasSubstr("'a/b/c/out', which is a link"));
  fs::remove(tree_ / "a/b/c/out");
  EXPECT_TRUE(take_over_tree(tree_));
  ASSERT_EQ(::mkfifo((tree_ / "lib/pipe").c_str(), 0600), 0);
  EXPECT_THAT(take_over_tree(tree_).error().message, HasSubstr("'lib/pipe', which is no file"));
}

// Holes take nothing of the disk, and days to read.
TEST_F(LeftTreeTest, what_says_that_it_is_larger_than_any_environment_is_refused_unread) {
  write(tree_ / "a", "");
  fs::resize_file(tree_ / "a", left_tree_bytes_max);
  EXPECT_TRUE(take_over_tree(tree_));
  write(tree_ / "b", "x");
  EXPECT_EQ(take_over_tree(tree_).error().code, ErrorCode::limit_exceeded);
  fs::remove(tree_ / "b");
  fs::resize_file(tree_ / "a", left_tree_bytes_max / 2 + 1);
  fs::create_hard_link(tree_ / "a", tree_ / "again");
  EXPECT_EQ(take_over_tree(tree_).error().message, "Its files have more than 16 GiB.");
}

}  // namespace
}  // namespace slipway::artifacts
