#include "cell/cgroups.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/test_folder.h"
#include "cell/test_hierarchy.h"

namespace slipway::cell {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A hierarchy as plain files. The kernel makes the files of a group with its folder: here they are
// put there before.
class FakeHierarchy : public testing::Test {
 protected:
  void SetUp() override {
    write(base_ / "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
    for (const char* folder : {"", "cells", "cells/a"}) {
      fs::create_directories(base_ / folder);
      for (const char* file : {"cgroup.subtree_control", "memory.max", "memory.swap.max",
                               "memory.oom.group", "pids.max", "cgroup.kill"})
        write(base_ / folder / file, "");
    }
  }
  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  std::string in_group(const char* file) const { return read_file(base_ / "cells/a" / file); }

  const TestFolder folder_;
  const fs::path base_ = folder_.path();
};

TEST_F(FakeHierarchy, AGroupHasTheLimitsThatItWasMadeWith) {
  const auto groups = Cgroups::claim(base_, "cells");
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_TRUE(groups->limits_memory());
  EXPECT_EQ(read_file(base_ / "cgroup.subtree_control"), "+memory +pids");
  EXPECT_EQ(read_file(base_ / "cells/cgroup.subtree_control"), "+memory +pids");
  const auto made = groups->make(groups->group("a"), {.memory_bytes = 100 << 20, .tasks = 50});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(in_group("memory.max"), "104857600");
  EXPECT_EQ(in_group("memory.swap.max"), "0");
  EXPECT_EQ(in_group("memory.oom.group"), "1");
  EXPECT_EQ(in_group("pids.max"), "50");
}

TEST_F(FakeHierarchy, WhatTheHierarchyHasNoControllerForIsNotLimited) {
  write(base_ / "cgroup.controllers", "pids memory_of_others\n");
  const auto groups = Cgroups::claim(base_, "cells");
  ASSERT_TRUE(groups);
  EXPECT_FALSE(groups->limits_memory());
  ASSERT_TRUE(groups->make(groups->group("a"), {.memory_bytes = 1, .tasks = 50}));
  EXPECT_EQ(in_group("memory.max"), "");
  EXPECT_EQ(in_group("pids.max"), "50");
}

TEST_F(FakeHierarchy, ALimitThatCannotBeSetIsAnError) {
  const auto groups = Cgroups::claim(base_, "cells");
  fs::remove(base_ / "cells/a/memory.max");
  const auto made = groups->make(groups->group("a"), {.memory_bytes = 1});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("memory.max"), std::string::npos) << made.error().message;
}

TEST_F(FakeHierarchy, AGroupWithoutItsLimitsIsNotLeft) {
  const auto groups = Cgroups::claim(base_, "cells");
  const auto made = groups->make(groups->group("bare"), {.memory_bytes = 1});
  EXPECT_FALSE(made);
  EXPECT_FALSE(fs::exists(base_ / "cells/bare"));
}

TEST_F(FakeHierarchy, TheKernelsNotesAreRead) {
  const Cgroup group(base_ / "cells/a");
  EXPECT_FALSE(group.ran_out_of_memory());
  write(base_ / "cells/a/memory.events", "low 0\nmax 9\noom 1\noom_kill 0\noom_group_kill 0\n");
  EXPECT_FALSE(group.ran_out_of_memory());
  write(base_ / "cells/a/memory.events", "low 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 1\n");
  EXPECT_TRUE(group.ran_out_of_memory());
  write(base_ / "cells/a/cgroup.procs", "7\n8\n9\n");
  EXPECT_EQ(group.processes(), 3U);
  group.end_all();
  EXPECT_EQ(in_group("cgroup.kill"), "1");
}

TEST(RealHierarchyTest, AGroupIsEndedWithAllThatIsInIt) {
  const std::string hierarchy = real_hierarchy();
  if (hierarchy.empty()) GTEST_SKIP() << "no cgroup v2 to write to here";
  const Cgroup group(hierarchy + "/slipway-test-" + std::to_string(::getpid()));
  fs::create_directory(group.path());
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream(group.path() + "/cgroup.procs") << 0;
    if (::fork() == 0) ::setsid();
    for (;;) ::pause();
  }
  const auto until = [](auto holds) {
    for (int i = 0; i < 1000 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return holds();
  };
  EXPECT_TRUE(until([&] { return group.processes() == 2; }));
  EXPECT_FALSE(group.remove());
  group.end_all();
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(until([&] { return group.remove(); }));
  EXPECT_FALSE(group.exists());
}

TEST(DescribeMemoryTest, SaysWhyItIsNotKeptAndWhatToDo) {
  const Finding finding = describe_memory(std::nullopt);
  if (finding.held) GTEST_SKIP() << "it is kept here";
  EXPECT_EQ(finding.need, Finding::Need::comfort);
  EXPECT_NE(finding.detail.find("Delegate=yes"), std::string::npos) << finding.detail;
}

}  // namespace
}  // namespace slipway::cell
