// Instances in control groups, on a real hierarchy: with whichever controllers it has.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mutex>

#include "cell/cgroups.h"
#include "cell/test_hierarchy.h"
#include "place/process/process_place.h"
#include "place/process/process_place_testing.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;
using Kind = Observation::Kind;

class GroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string hierarchy = cell::real_hierarchy();
    if (hierarchy.empty()) GTEST_SKIP() << "no cgroup v2 to write to here";
    base_ = fmt::format("{}/slipway-place-test-{}", hierarchy, ::getpid());
    fs::create_directory(base_);
    open();
  }
  void TearDown() override {
    if (base_.empty()) return;
    if (place_) place_->stop(key_, 0ms);
    EXPECT_TRUE(eventually([&] { return groups().empty(); }));
    place_.reset();
    for (const auto& entry : fs::directory_iterator(base_))
      if (entry.is_directory()) fs::remove(entry.path());
    EXPECT_EQ(::rmdir(base_.c_str()), 0);
  }
  void open() {
    place_.reset();
    seen_.clear();
    auto place = ProcessPlace::open(
        {.root = folder_.path() / "run", .layers = layers_here(), .cgroup = base_},
        [this](Observation observation) {
          const std::lock_guard lock(mutex_);
          seen_.push_back(std::move(observation));
        });
    ASSERT_TRUE(place) << place.error().message;
    place_ = std::move(*place);
  }
  bool saw(Kind kind) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      for (const Observation& observation : seen_)
        if (observation.kind == kind) return true;
      return false;
    });
  }
  // Those of instances.
  std::vector<std::string> groups() const {
    std::vector<std::string> found;
    for (const auto& server : fs::directory_iterator(base_))
      if (server.is_directory())
        for (const auto& entry : fs::directory_iterator(server.path()))
          if (entry.is_directory()) found.push_back(entry.path());
    return found;
  }
  // Of the test's only instance.
  std::size_t members() const {
    const auto all = groups();
    return all.size() == 1 ? cell::Cgroup(all.front()).processes() : 0;
  }

  Folder folder_;
  std::string base_;
  const InstanceKey key_{"test/groups/1/main/1"};
  std::mutex mutex_;
  std::vector<Observation> seen_;
  std::unique_ptr<ProcessPlace> place_;
};

TEST_F(GroupsTest, AllThatAnInstanceStartsIsInItsGroupAndTheGroupGoesWithIt) {
  place_->start(key_, shell("setsid sh -c 'setsid sleep 1744 &' & setsid sleep 1744 & sleep 1744"));
  ASSERT_TRUE(saw(Kind::started));
  EXPECT_TRUE(eventually([&] { return members() == 4 || members() == 3; }));
  place_->stop(key_, 0ms);
  EXPECT_TRUE(saw(Kind::exited));
  EXPECT_TRUE(eventually([&] { return groups().empty(); }));
}

TEST_F(GroupsTest, ALaterServerFindsTheGroupOfAnInstanceThatRanOn) {
  place_->start(key_, shell("while :; do sleep 0.05; done"));
  ASSERT_TRUE(saw(Kind::started));
  const auto before = groups();
  ASSERT_EQ(before.size(), 1U);
  open();
  place_->adopt();
  ASSERT_TRUE(saw(Kind::adopted));
  ASSERT_TRUE(saw(Kind::adoption_done));
  EXPECT_EQ(groups(), before);
  EXPECT_GE(members(), 1U);
  place_->stop(key_, 0ms);
  EXPECT_TRUE(saw(Kind::exited));
  EXPECT_TRUE(eventually([&] { return groups().empty(); }));
}

TEST_F(GroupsTest, GroupsThatAFormerServerLeftAreRemovedWithWhatIsInThem) {
  place_->start(key_, shell("true"));
  ASSERT_TRUE(saw(Kind::exited));
  ASSERT_TRUE(eventually([&] { return groups().empty(); }));
  std::string left;
  for (const auto& entry : fs::directory_iterator(base_))
    if (entry.is_directory()) left = entry.path() / "left";
  fs::create_directory(left);
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream(left + "/cgroup.procs") << 0;
    ::execl("/bin/sleep", "sleep", "20", nullptr);  // and so lets the lock of the root go
    ::_exit(1);
  }
  EXPECT_TRUE(eventually([&] { return cell::Cgroup(left).processes() == 1; }));
  open();
  place_->adopt();
  ASSERT_TRUE(saw(Kind::adoption_done));
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return groups().empty(); }));
}

TEST_F(GroupsTest, AStartThatFailsLeavesNoGroup) {
  place_->start(key_, {.argv = {"/nowhere/at/all"}});
  ASSERT_TRUE(saw(Kind::start_failed));
  EXPECT_TRUE(eventually([&] { return groups().empty(); }));
}

// Where the kernel does not keep it, it is looked at: an instance is told of the same.
TEST_F(GroupsTest, AnInstanceThatTakesMoreThanItsMemoryIsEndedAndTheReasonIsTold) {
  InstanceSpec spec{
      .argv = {"/usr/bin/python3", "-c", "x = b'x' * (400 << 20); import time; time.sleep(60)"}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::over_memory));
  ASSERT_TRUE(saw(Kind::exited));
  const std::lock_guard lock(mutex_);
  EXPECT_THAT(seen_.back().tail, testing::HasSubstr("its limit of 100 MiB"));
  EXPECT_EQ(seen_.back().exit.signal, 9);
}

TEST_F(GroupsTest, AnInstanceThatStartsProcessesWithoutEndIsEnded) {
  place_->start(key_, {.argv = {"/usr/bin/python3", "-c",
                                "import os, time\n"
                                "for _ in range(1200):\n"
                                "  if os.fork() == 0: os.setsid(); time.sleep(60); os._exit(0)\n"
                                "time.sleep(60)\n"}});
  EXPECT_TRUE(saw(Kind::over_memory));
  EXPECT_TRUE(saw(Kind::exited));
  EXPECT_TRUE(eventually([&] { return groups().empty(); }));
}

}  // namespace
}  // namespace slipway::place
