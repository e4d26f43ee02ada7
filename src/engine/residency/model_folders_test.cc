#include "engine/residency/model_folders.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/test_folder.h"
#include "engine/artifacts/read_only.h"

namespace slipway::residency {
namespace {

namespace fs = std::filesystem;
using Kind = place::Observation::Kind;

const place::InstanceKey one{"fleet/a/1/all/1"};
const place::InstanceKey other{"fleet/b/1/all/1"};

struct stat facts_of(const fs::path& path) {
  struct stat facts{};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct ModelFoldersTest : testing::Test {
  ModelFoldersTest() {
    fs::create_directories(artifact / "code");
    std::ofstream(artifact / "weights") << "0.5";
    std::ofstream(artifact / "code" / "inference.py") << "pass";
    fs::create_symlink("../weights", artifact / "code" / "same");
    artifacts::make_read_only(artifact);
  }
  ~ModelFoldersTest() override {
    artifacts::remove_tree(artifact);
    artifacts::remove_tree(root);
  }

  TestFolder folder;
  WorkerPool pool{1};
  const fs::path artifact = folder.path() / "artifact";
  const fs::path root = folder.path() / "models";
};

TEST_F(ModelFoldersTest, AModelIsShownByLinksThatNobodyMayChange) {
  ModelFolders folders(root, pool);
  ASSERT_TRUE(folders.make(one));
  const auto there = folders.put(one, "m", artifact);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->parent_path(), *folders.make(one));
  EXPECT_EQ(facts_of(*there / "weights").st_ino, facts_of(artifact / "weights").st_ino);
  EXPECT_EQ(facts_of(*there / "code").st_mode & 07777, 0555U);
  EXPECT_EQ(facts_of(*there).st_mode & 07777, 0555U);
  EXPECT_EQ(read_file(*there / "code" / "same"), "0.5");
}

TEST_F(ModelFoldersTest, AnInstancesFolderIsEmptyAndItsOwnUntilItLoads) {
  ModelFolders folders(root, pool);
  const auto mine = folders.make(one);
  const auto others = folders.make(other);
  ASSERT_TRUE(mine && others);
  EXPECT_NE(*mine, *others);
  EXPECT_EQ(facts_of(*mine).st_mode & 07777, 0700U);
  ASSERT_TRUE(folders.put(one, "m", artifact));
  EXPECT_TRUE(fs::is_empty(*others));
}

TEST_F(ModelFoldersTest, AModelOutlivesTheArtifactThatItCameFrom) {
  ModelFolders folders(root, pool);
  ASSERT_TRUE(folders.make(one));
  const auto there = folders.put(one, "m", artifact);
  ASSERT_TRUE(there);
  artifacts::remove_tree(artifact);
  EXPECT_EQ(read_file(*there / "weights"), "0.5");
}

TEST_F(ModelFoldersTest, WhatIsPutAnewTakesThePlaceOfWhatWasThere) {
  ModelFolders folders(root, pool);
  ASSERT_TRUE(folders.make(one));
  ASSERT_TRUE(folders.put(one, "m", artifact));
  const fs::path newer = folder.path() / "newer";
  fs::create_directory(newer);
  std::ofstream(newer / "weights") << "0.7";
  const auto there = folders.put(one, "m", newer);
  ASSERT_TRUE(there);
  EXPECT_EQ(read_file(*there / "weights"), "0.7");
  EXPECT_FALSE(fs::exists(*there / "code"));
}

TEST_F(ModelFoldersTest, WhatIsTakenAwayIsGoneAndTheArtifactStays) {
  ModelFolders folders(root, pool);
  const auto mine = folders.make(one);
  ASSERT_TRUE(mine && folders.put(one, "m", artifact));
  folders.take_away(one, "m");
  EXPECT_TRUE(fs::is_empty(*mine));
  EXPECT_EQ(read_file(artifact / "weights"), "0.5");
  ASSERT_TRUE(folders.put(one, "m", artifact));
  folders.observe({.kind = Kind::exited, .key = one});
  pool.stop();
  EXPECT_FALSE(folders.has(one));
  EXPECT_TRUE(fs::is_empty(root));
}

TEST_F(ModelFoldersTest, AnArtifactThatWentIsNotFoundAndLeavesNothing) {
  ModelFolders folders(root, pool);
  const auto mine = folders.make(one);
  ASSERT_TRUE(mine);
  const auto there = folders.put(one, "m", folder.path() / "nothing");
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, ErrorCode::not_found);
  EXPECT_TRUE(fs::is_empty(*mine));
}

TEST_F(ModelFoldersTest, NothingIsPutForAnInstanceThatEnded) {
  ModelFolders folders(root, pool);
  const auto there = folders.put(one, "m", artifact);
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, ErrorCode::not_found);
  EXPECT_TRUE(fs::is_empty(root));
}

TEST_F(ModelFoldersTest, ALinkThatLeadsOutIsRefused) {
  for (const char* target : {"/etc/passwd", "../../secret", "a/../../b"}) {
    const fs::path bad = folder.path() / "bad";
    fs::create_directory(bad);
    fs::create_symlink(target, bad / "link");
    ModelFolders folders(root, pool);
    const auto mine = folders.make(one);
    const auto there = folders.put(one, "m", bad);
    ASSERT_FALSE(there) << target;
    EXPECT_EQ(there.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(fs::is_empty(*mine));
    fs::remove_all(bad);
  }
}

TEST_F(ModelFoldersTest, OfAFormerServersFoldersThoseOfRunningInstancesStay) {
  {
    ModelFolders former(root, pool);
    ASSERT_TRUE(former.make(one) && former.make(other));
    ASSERT_TRUE(former.put(one, "m", artifact) && former.put(other, "m", artifact));
  }
  ModelFolders folders(root, pool);
  const place::InstanceKey fresh{"fleet/c/1/all/1"};
  ASSERT_TRUE(folders.make(fresh));
  folders.observe({.kind = Kind::adopted, .key = one});
  folders.observe({.kind = Kind::adoption_done});
  pool.stop();
  EXPECT_TRUE(folders.has(one));
  EXPECT_FALSE(folders.has(other));
  EXPECT_TRUE(folders.has(fresh));
}

}  // namespace
}  // namespace slipway::residency
