// Instances that are forked from a warmed parent.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <thread>

#include "base/sanitized.h"
#include "place/process/process_place.h"
#include "place/process/process_place_testing.h"
#include "place/process/run_directory.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;
using Kind = Observation::Kind;

class ZygoteTest : public ProcessPlaceTest {
 protected:
  void open_with_zygote() {
    root_ = folder_.path() / "run";
    auto place = ProcessPlace::open(
        {.root = root_, .zygote = {PLACE_TEST_ZYGOTE, "--zygote"}, .layers = layers_here()},
        [this](Observation observation) {
          const std::lock_guard lock(mutex_);
          seen_.push_back(std::move(observation));
        });
    ASSERT_TRUE(place) << place.error().message;
    place_ = std::move(*place);
    ASSERT_TRUE(eventually([&] { return fs::exists(root_ / "zygote.sock"); }));
    std::this_thread::sleep_for(100ms);  // its "ready" follows
  }
  InstanceSpec spec(const std::string& script) {
    return {.argv = {PLACE_TEST_ZYGOTE, script}, .environment = {{"PATH", "/usr/bin:/bin"}}};
  }
};

TEST_F(ZygoteTest, AnInstanceIsForkedFromTheWarmedParentAndStoppedLikeAnyOther) {
  open_with_zygote();
  place_->start(key_, spec("sleep 1000"));
  ASSERT_TRUE(saw(Kind::started));
  EXPECT_TRUE(eventually([&] { return log_tail(key_, 1) == "warm\n"; }));
  place_->stop(key_, 5s);
  EXPECT_TRUE(saw(Kind::exited));
}

TEST_F(ZygoteTest, WhatItsInstancesLeaveRunningEndsWithThem) {
  open_with_zygote();
  place_->start(key_, spec("setsid sleep 1742 & sleep 0.1"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 0);
  EXPECT_TRUE(eventually([] { return processes_called("sleep 1742").empty(); }));
}

TEST_F(ZygoteTest, WithoutAWarmedParentInstancesStartPlainly) {
  open_with_zygote();
  for (const pid_t zygote :
       processes_called(std::string(PLACE_TEST_ZYGOTE) + " --zygote zygote.sock"))
    ::kill(zygote, SIGKILL);
  place_->start(key_, spec("exit 4"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 4);
  EXPECT_EQ(log_tail(key_, 1), "plain\n");
}

// Some run, some are on their way, and most wait for room there.
TEST_F(ZygoteTest, OfManyThatAreStoppedAtOnceEachEndsOnce) {
  open_with_zygote();
  constexpr int many = 40;
  const auto key = [](int i) { return InstanceKey{"test/many/1/main/" + std::to_string(i)}; };
  for (int i = 0; i < many; ++i) place_->start(key(i), spec("exec sleep 1743"));
  for (int i = 0; i < many; ++i) place_->start(key(i), spec("exec sleep 1743"));  // nothing more
  for (int i = 0; i < many; ++i) place_->stop(key(i), 5s);
  std::map<InstanceKey, int> ended;
  std::map<InstanceKey, int> started;
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    ended.clear();
    started.clear();
    for (const Observation& seen : seen_) {
      if (seen.kind == Kind::started) started[seen.key] = 1;  // told again where asked again
      if (seen.kind == Kind::exited || seen.kind == Kind::start_failed) ++ended[seen.key];
    }
    return ended.size() == many;
  }));
  for (int i = 0; i < many; ++i) EXPECT_EQ(ended[key(i)], 1) << i;
  EXPECT_TRUE(eventually([] { return processes_called("sleep 1743").empty(); }));
}

TEST_F(ZygoteTest, AtTheEndThoseOnTheirWayAreWaitedForAndStopped) {
  open_with_zygote();
  constexpr int many = 40;
  for (int i = 0; i < many; ++i)
    place_->start({"test/many/1/main/" + std::to_string(i)}, spec("exec sleep 1744"));
  place_->end(5s).wait();
  std::size_t started = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const Observation& seen : seen_)
      if (seen.kind == Kind::started) ++started;
  }
  EXPECT_TRUE(eventually([] { return processes_called("sleep 1744").empty(); }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(seen_, Kind::started, &Observation::kind)),
            started)
      << "no start is told of after the end";
}

TEST_F(ZygoteTest, AWarmedParentThatDiesWithOrdersLosesNone) {
  open_with_zygote();
  constexpr int many = 20;
  for (int i = 0; i < many; ++i)
    place_->start({"test/many/1/main/" + std::to_string(i)}, spec("exit 4"));
  for (const pid_t zygote :
       processes_called(std::string(PLACE_TEST_ZYGOTE) + " --zygote zygote.sock"))
    ::kill(zygote, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    return std::ranges::count(seen_, Kind::exited, &Observation::kind) == many;
  }));
}

TEST_F(ZygoteTest, NoInstanceFindsAnothersEnvironmentInItsMemory) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's notes on its own memory take terabytes of it";
  open_with_zygote();
  InstanceSpec first = spec("exit 0");
  first.environment["TOKEN"] = std::string("the first one's ") + "token";
  place_->start({"test/first/1/main/1"}, first);
  ASSERT_TRUE(saw(Kind::exited));
  seen_.clear();
  // What the shell execs has new memory: the warmed parent itself is looked at instead.
  for (const pid_t zygote :
       processes_called(std::string(PLACE_TEST_ZYGOTE) + " --zygote zygote.sock")) {
    std::ifstream maps("/proc/" + std::to_string(zygote) + "/maps");
    std::ifstream memory("/proc/" + std::to_string(zygote) + "/mem", std::ios::binary);
    for (std::string line; std::getline(maps, line);) {
      if (line.find(" rw-p ") == std::string::npos) continue;
      std::size_t dash = 0;
      const std::uint64_t from = std::stoull(line, &dash, 16);
      const std::uint64_t to = std::stoull(line.substr(dash + 1), nullptr, 16);
      std::string bytes(to - from, '\0');
      memory.clear();
      memory.seekg(static_cast<std::streamoff>(from));
      memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      EXPECT_EQ(bytes.find("the first one's token"), std::string::npos) << line;
    }
  }
}

// Where cells start from a tree that is made once, "/" is the same for all of them.
TEST_F(ZygoteTest, WhatItsCellsShareTheyCannotWriteToAndNamesNoneOfTheOthersFiles) {
  if (!layers_here().namespaces || layers_here().user_namespace)
    GTEST_SKIP() << "each cell has a tree of its own here";
  open_with_zygote();
  std::vector<std::string> printed;
  for (int i = 0; i < 3; ++i) {
    const InstanceKey key{"test/shares/1/main/" + std::to_string(i)};
    place_->start(key, spec("touch /x /dev/x /work/x 2>&1 | grep -c Read-only; stat -c %d /; ls " +
                            root_.string()));
    ASSERT_TRUE(eventually([&] { return fs::exists(root_ / key.file_name() / "ended"); }));
    printed.push_back(log_tail(key, 3));
    EXPECT_THAT(printed.back(), testing::EndsWith("\n" + key.file_name() + "\n"));
    EXPECT_THAT(log_tail(key, 9), testing::HasSubstr("warm\n"));
  }
  const auto root_device = [](const std::string& text) {
    return text.substr(0, text.rfind('\n', text.size() - 2));
  };
  EXPECT_NE(root_device(printed[0]), root_device(printed[1]));  // made before anything was prepared
  EXPECT_EQ(root_device(printed[1]), root_device(printed[2]));
}

TEST_F(ZygoteTest, ItsInstancesOutliveTheServerAndAreAdopted) {
  open_with_zygote();
  place_->start(key_, spec("sleep 1000"));
  ASSERT_TRUE(saw(Kind::started));
  place_.reset();
  seen_.clear();
  open();
  place_->adopt();
  EXPECT_TRUE(saw(Kind::adopted));
}

}  // namespace
}  // namespace slipway::place
