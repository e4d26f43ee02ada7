#include "place/process/process_place.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "place/process/isolation.h"
#include "place/process/log_feed.h"
#include "place/process/process_place_testing.h"
#include "place/process/run_directory.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;
using Kind = Observation::Kind;

// As where somebody clones and builds in /tmp, which each cell has of its own.
TEST(LayersHere, AreTheSameForAProgramBelowTmp) {
  const Folder folder;
  const fs::path copy = folder.path() / "bin/slipway-cell";
  fs::create_directory(copy.parent_path());
  fs::permissions(folder.path(), fs::perms(0755));
  fs::copy_file(cell_beside_this_program(), copy);
  const mode_t before = ::umask(077);  // as a server has it
  const auto layers = cell::ask(copy, folder.path() / "trial");
  ::umask(before);
  ASSERT_TRUE(layers) << layers.error().message;
  EXPECT_EQ(*layers, layers_here());
}

TEST_F(ProcessPlaceTest, AnInstanceInheritsNothingThatItWasNotGiven) {
  ::setenv("SLIPWAY_TEST_SECRET", "do not leak", 1);
  const int leak = ::open("/etc/passwd", O_RDONLY);  // without close-on-exec
  open();
  place_->start(key_, shell("env > env.txt; ls -l /proc/self/fd > fds.txt; pwd > pwd.txt; "
                            "cat /proc/self/stat > stat.txt; echo $$ > me.txt"));
  ASSERT_TRUE(saw(Kind::exited));
  ::close(leak);
  EXPECT_EQ(read_file(file("env.txt")).find("SECRET"), std::string::npos);
  EXPECT_EQ(read_file(file("fds.txt")).find("passwd"), std::string::npos);
  EXPECT_EQ(read_file(file("pwd.txt")), file("").parent_path().string() + "\n");
  EXPECT_EQ(last_.exit.status, 0);
}

TEST_F(ProcessPlaceTest, AddressesAreInTheRunDirectoryAndStayShortUnderALongRoot) {
  open(folder_.path() / std::string(120, 'd') / "run");
  place_->start(key_, shell("sleep 100"));
  ASSERT_TRUE(saw(Kind::started));
  EXPECT_TRUE(last_.addresses.http.ends_with("/http.sock"));
  EXPECT_LT(last_.addresses.link.size(), 107U);
  const fs::path reached = last_.addresses.http.substr(5);
  EXPECT_TRUE(fs::exists(reached.parent_path().parent_path() / "pid"));
}

TEST_F(ProcessPlaceTest, AtTheEndWhatHasNotBegunIsDroppedAndTheRestStops) {
  open();
  place_->start(key_, shell("sleep 1742"));
  ASSERT_TRUE(saw(Kind::started));
  constexpr int queued = 200;
  for (int i = 0; i < queued; ++i)
    place_->start({"fleet/a/b/c/1/AllTraffic/" + std::to_string(100 + i)}, shell("sleep 1742"));
  place_->end(5s).wait();
  const auto count = [this](Kind kind) {
    const std::lock_guard lock(mutex_);
    return std::ranges::count(seen_, kind, &Observation::kind);
  };
  const auto started = count(Kind::started);
  EXPECT_LT(started, queued / 2);
  EXPECT_TRUE(eventually([&] { return count(Kind::exited) == started; }));
  EXPECT_EQ(count(Kind::started), started);
  EXPECT_TRUE(processes_called("sleep 1742").empty());
}

TEST_F(ProcessPlaceTest, WhatAnInstanceStartedEndsWithIt) {
  open();
  place_->start(key_, shell("setsid sh -c 'setsid sleep 1741 &' & sleep 0.1; exit 0"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_TRUE(eventually([] { return processes_called("sleep 1741").empty(); }));
}

TEST_F(ProcessPlaceTest, TheLogIsReadFromAnOffsetAndFromItsEnd) {
  open();
  place_->start(key_, shell("for i in 1 2 3 4 5; do echo line $i; done; echo last >&2"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(log_tail(key_, 2), "line 5\nlast\n");
  const RunDirectory directory(root_ / key_.file_name());
  const auto all = directory.read_log(0);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->text, "line 1\nline 2\nline 3\nline 4\nline 5\nlast\n");
  EXPECT_EQ(directory.read_log(7)->text.substr(0, 7), "line 2\n");
  EXPECT_EQ(directory.read_log(all->next_offset)->text, "");
}

// The run directory of a release before labels were kept, which names none.
TEST_F(ProcessPlaceTest, AnInstanceOfAnOlderReleaseIsAdoptedWithTheLabelsOfItsKey) {
  labels_of_older_ = [](const InstanceKey& key) { return Labels{.log_group = key.text}; };
  open();
  place_->start(key_, shell("sleep 60"));
  ASSERT_TRUE(saw(Kind::started));
  EXPECT_EQ(last_.labels, Labels());
  const fs::path spec = root_ / key_.file_name() / "spec";
  std::string text = read_file(spec);
  const std::size_t labels = text.find("service ");
  text.erase(labels, text.find("argument ") - labels);
  std::ofstream(spec) << text;
  place_.reset();
  open(root_);
  place_->adopt();
  ASSERT_TRUE(saw(Kind::adopted));
  EXPECT_EQ(last_.labels.log_group, key_.text);
  EXPECT_TRUE(last_.addresses.http.ends_with("http.sock"));
}

TEST_F(ProcessPlaceTest, PortsAndLabelsAreKeptAndArgumentsCannotAddToThem) {
  RunDirectory directory(folder_.path() / "one");
  InstanceSpec spec{.argv = {"x", "y\nport 9\nlog_group z\nmemory 5\ncgroup /z\n"},
                    .ports = {{8080}, {9090}}};
  spec.labels = {.service = "s", .log_space = "a/b", .log_stream = "one two"};
  ASSERT_TRUE(directory.make(key_, spec, 0, ""));
  EXPECT_EQ(directory.labels(), spec.labels);
  EXPECT_EQ(directory.addresses().http, "127.0.0.1:8080");
  EXPECT_EQ(directory.addresses().ports, (std::map<std::uint16_t, std::string>{
                                             {8080, "127.0.0.1:8080"}, {9090, "127.0.0.1:9090"}}));
  EXPECT_EQ(directory.memory_bytes_max(), 0U);
  EXPECT_EQ(directory.cgroup(), "");
}

TEST_F(ProcessPlaceTest, ALabelOfSeveralLinesIsRefusedBeforeAnythingIsNoted) {
  const RunDirectory directory(folder_.path() / "one");
  InstanceSpec spec = shell("x");
  spec.labels.log_space = "account/region\ncgroup /sys/fs/cgroup/of-others";
  EXPECT_FALSE(directory.make(key_, spec, 0, ""));
  EXPECT_FALSE(directory.used());
}

TEST_F(ProcessPlaceTest, ALogThatGrowsPastItsLimitMovesAsideAndOffsetsGoOn) {
  RunDirectory directory(folder_.path() / "one");
  ASSERT_TRUE(directory.make(key_, shell("x"), 0, ""));
  std::ofstream(directory.file("log")) << std::string(150, 'a') << "\nnew\n";
  directory.rotate_log(100);
  EXPECT_EQ(fs::file_size(directory.file("log")), 0U);
  EXPECT_EQ(fs::file_size(directory.file("log.1")), 100U);
  std::ofstream(directory.file("log"), std::ios::app) << "after\n";
  EXPECT_EQ(directory.log_tail(2), "new\nafter\n");
  const auto old = directory.read_log(151);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->text, "new\n");
  EXPECT_EQ(directory.read_log(old->next_offset)->text, "after\n");
}

// One that says that it is larger than any disk costs the place's thread no more than what is kept.
TEST_F(ProcessPlaceTest, OfALogThatGrewWithoutBoundsTheLastPartIsOfferedWhenItsInstanceEnds) {
  class Counted final : public LogSink {
   public:
    std::uint64_t taken(const Labels&) override { return 0; }
    std::uint64_t take(const InstanceKey&, const Labels&, const LogPart& part) override {
      bytes += part.text.size();
      last = part.text;
      return part.end();
    }
    std::uint64_t bytes = 0;
    std::string last;
  } sink;
  const RunDirectory directory(folder_.path() / "one");
  InstanceSpec spec = shell("x");
  spec.labels.log_group = "group";
  ASSERT_TRUE(directory.make(key_, spec, 0, ""));
  std::ofstream(directory.file("log")) << "begun\n";
  fs::resize_file(directory.file("log"), 4ULL << 30);
  std::ofstream(directory.file("log"), std::ios::app) << "\nended\n";
  LogFeed(&sink).finish(key_, directory, spec.labels);
  EXPECT_LE(sink.bytes, log_bytes_max + log_read_bytes_max);
  EXPECT_TRUE(sink.last.starts_with("slipway: this instance printed 4096 MiB"));
  EXPECT_THAT(directory.log_tail(2), testing::StartsWith("ended\n"));
}

TEST_F(ProcessPlaceTest, TheReasonOfAFailedStartNamesTheProgramAndTheCause) {
  open();
  place_->start(key_, {.argv = {"/nowhere/slipway-modelserver"}});
  ASSERT_TRUE(saw(Kind::start_failed));
  EXPECT_NE(last_.reason.find("/nowhere/slipway-modelserver"), std::string::npos) << last_.reason;
  EXPECT_NE(last_.reason.find("No such file"), std::string::npos) << last_.reason;
}

TEST_F(ProcessPlaceTest, ASecondServerOnTheSameDirectoryIsRefused) {
  open();
  const auto second =
      ProcessPlace::open({.root = root_, .layers = layers_here()}, [](Observation) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
}

constexpr const char* takes_memory = "x = b'x' * (400 << 20); import time; time.sleep(60)";

TEST_F(ProcessPlaceTest, AnInstanceThatTakesMoreThanItsMemoryIsEndedAndItIsToldBefore) {
  open();
  InstanceSpec spec{.argv = {"/usr/bin/python3", "-c", takes_memory}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::over_memory));
  EXPECT_NE(last_.reason.find("its limit of 100 MiB"), std::string::npos) << last_.reason;
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.signal, 9);
  EXPECT_NE(log_tail(key_, 5).find("its limit of 100 MiB"), std::string::npos);
}

TEST_F(ProcessPlaceTest, WhatAnInstanceStartedCountsToItsMemory) {
  open();
  const std::string child = std::string("/usr/bin/python3 -c \"") + takes_memory + "\"; true";
  InstanceSpec spec{.argv = {"/bin/sh", "-c", child}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  EXPECT_TRUE(saw(Kind::over_memory));
  EXPECT_TRUE(saw(Kind::exited));
}

TEST_F(ProcessPlaceTest, AChildThatLeavesTheSessionCountsToTheMemoryAndEndsWithTheInstance) {
  open();
  const std::string child =
      std::string("setsid setsid /usr/bin/python3 -c \"") + takes_memory + "\" & sleep 1743";
  InstanceSpec spec{.argv = {"/bin/sh", "-c", child}, .environment = {{"PATH", "/usr/bin:/bin"}}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  EXPECT_TRUE(saw(Kind::over_memory));
  EXPECT_TRUE(saw(Kind::exited));
  EXPECT_TRUE(eventually([] { return processes_called("/usr/bin/python3 -c x = b").empty(); }));
  EXPECT_TRUE(processes_called("sleep 1743").empty());
}

TEST_F(ProcessPlaceTest, SharedMemoryCountsOnceHoweverManyMapIt) {
  open();
  const std::string script =
      "import mmap, os, time\n"
      "m = mmap.mmap(-1, 60 << 20)\n"
      "m.write(b'x' * (60 << 20))\n"
      "for _ in range(3):\n"
      "  if os.fork() == 0:\n"
      "    sum(m[i] for i in range(0, 60 << 20, 4096)); time.sleep(0.6); os._exit(0)\n"
      "time.sleep(0.8)\n";
  InstanceSpec spec{.argv = {"/usr/bin/python3", "-c", script}};
  spec.memory_bytes_max = 130 << 20;
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 0) << log_tail(key_, 5);
}

TEST_F(ProcessPlaceTest, SharedMemoryIsMemory) {
  open();
  const std::string script =
      "import mmap, time; m = mmap.mmap(-1, 200 << 20); m.write(b'x' * (200 << 20)); time.sleep(9)";
  InstanceSpec spec{.argv = {"/usr/bin/python3", "-c", script}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  EXPECT_TRUE(saw(Kind::over_memory));
  EXPECT_TRUE(saw(Kind::exited));
}

TEST_F(ProcessPlaceTest, FilesInTheCellsSharedMemoryCountWithItsOtherMemory) {
  if (!layers_here().namespaces) GTEST_SKIP() << "/dev/shm is the host's here";
  open();
  const std::string script =
      "import time; open('/dev/shm/f', 'wb').write(b'x' * (70 << 20)); x = b'x' * (70 << 20)\n"
      "time.sleep(9)";
  InstanceSpec spec{.argv = {"/usr/bin/python3", "-c", script}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  EXPECT_TRUE(saw(Kind::over_memory));
  EXPECT_TRUE(saw(Kind::exited));
}

TEST_F(ProcessPlaceTest, AnInstanceThatStartsProcessesWithoutEndIsEnded) {
  open();
  const std::string bomb =
      "import os, time\n"
      "for _ in range(1200):\n"
      "  try:\n"
      "    if os.fork() == 0: os.setsid(); time.sleep(60); os._exit(0)\n"
      "  except OSError: time.sleep(0.01)\n"
      "time.sleep(60)\n";
  place_->start(key_, {.argv = {"/usr/bin/python3", "-c", bomb}});
  EXPECT_TRUE(saw(Kind::over_memory));
  EXPECT_NE(last_.reason.find("processes"), std::string::npos) << last_.reason;
  EXPECT_TRUE(saw(Kind::exited));
  EXPECT_TRUE(
      eventually([] { return processes_called("/usr/bin/python3 -c import os, time").empty(); }));
}

TEST_F(ProcessPlaceTest, ALogThatGrowsWithoutEndDoesNotFillTheDisk) {
  open();
  place_->start(key_, shell("yes this is printed again and again"));
  ASSERT_TRUE(saw(Kind::started));
  std::uintmax_t most = 0;
  for (int i = 0; i < 60; ++i) {
    std::this_thread::sleep_for(10ms);
    std::error_code ignored;
    most = std::max(most, fs::file_size(root_ / key_.file_name() / "log", ignored));
  }
  EXPECT_TRUE(fs::exists(root_ / key_.file_name() / "log.1"));
  EXPECT_LE(fs::file_size(root_ / key_.file_name() / "log.1"), log_bytes_max);
  EXPECT_LT(most, 2ULL << 30);
}

TEST_F(ProcessPlaceTest, AnInstanceHasAHomeOfItsOwnAndSharedMemoryForItsProcesses) {
  open();
  place_->start(key_, shell("echo $HOME $TMPDIR; echo x > $HOME/a && echo x > $TMPDIR/b && "
                            "/usr/bin/python3 -c 'import multiprocessing; "
                            "multiprocessing.Lock(); print(\"locks\")'"));
  ASSERT_TRUE(saw(Kind::exited));
  const std::string own = root_ / key_.file_name() / "run";
  EXPECT_EQ(log_tail(key_, 9), own + " " + own + "/tmp\nlocks\n");
  EXPECT_TRUE(fs::exists(file("a")));
  EXPECT_TRUE(fs::exists(file("tmp/b")));
}

TEST_F(ProcessPlaceTest, WhatIsMountedInsideIsThereUnderBothPaths) {
  if (!layers_here().namespaces) GTEST_SKIP() << "no file tree of its own here";
  open();
  fs::create_directory(folder_.path() / "model");
  std::ofstream(folder_.path() / "model" / "weights") << "7\n";
  InstanceSpec spec =
      shell("cat /opt/ml/model/weights " + (folder_.path() / "model/weights").string());
  spec.mounts = {{.host_path = folder_.path() / "model", .inside = "/opt/ml/model"}};
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(log_tail(key_, 9), "7\n7\n");
}

TEST_F(ProcessPlaceTest, ThePlaceThatIsKeptFreeIsTheInstancesOwn) {
  if (!layers_here().namespaces) GTEST_SKIP() << "no file tree of its own here";
  kept_free_ = "/opt/ml";
  open();
  fs::create_directory(folder_.path() / "model");
  InstanceSpec spec = shell(
      "cd /opt/ml && mkdir output && echo 7 > output/x && ls; (echo x > model/x) 2>&1 | grep -o "
      "Read-only; "
      "(rmdir model) 2>&1 | grep -o busy; cat $HOME/kept/output/x");
  spec.mounts = {{.host_path = folder_.path() / "model", .inside = "/opt/ml/model"}};
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::exited)) << last_.reason;
  EXPECT_EQ(log_tail(key_, 9), "model\noutput\nRead-only\nbusy\n7\n");
}

TEST_F(ProcessPlaceTest, WhatIsGivenTwiceIsThereOnce) {
  open();
  InstanceSpec spec{.argv = {PLACE_ESCAPE, "read /etc/passwd"}};
  spec.mounts = {{.host_path = PLACE_ESCAPE}, {.host_path = fs::path(PLACE_ESCAPE).parent_path()}};
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::exited)) << last_.reason;
  EXPECT_EQ(log_tail(key_, 9), "read /etc/passwd: done\n");
}

TEST_F(ProcessPlaceTest, AProgramIsFoundUnderALinkOfTheSystem) {
  open();
  place_->start(key_, {.argv = {"/bin/true"}});  // where /bin is a link to /usr/bin
  ASSERT_TRUE(saw(Kind::exited)) << last_.reason;
  EXPECT_EQ(last_.exit.status, 0);
}

TEST_F(ProcessPlaceTest, EachInstanceHasAUserOfItsOwnWhereTheServerIsRoot) {
  if (!layers_here().own_users()) GTEST_SKIP() << "the server is not root here";
  open();
  const InstanceKey other{"test/other/1/main/1"};
  place_->start(key_, shell("id -u; id -G; grep Cap /proc/self/status; cat /etc/shadow"));
  place_->start(other, shell("id -u"));
  ASSERT_TRUE(eventually([&] { return !log_tail(other, 1).empty(); }));
  ASSERT_TRUE(eventually([&] { return log_tail(key_, 9).contains("shadow"); }));
  const std::string log = log_tail(key_, 99);
  const uid_t user = static_cast<uid_t>(std::stoul(log));
  EXPECT_GE(user, layers_here().first_user);
  EXPECT_NE(user, static_cast<uid_t>(std::stoul(log_tail(other, 1))));
  EXPECT_THAT(log, testing::StartsWith(fmt::format("{0}\n{0}\n", user)));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_THAT(log, testing::HasSubstr(std::string(set) + ":\t0000000000000000\n"));
  EXPECT_THAT(log, testing::HasSubstr("Permission denied"));
}

TEST_F(ProcessPlaceTest, AnInstanceCannotLeadTheServerAstrayByWhatItWritesIntoItsDirectory) {
  open();
  place_->start(key_, shell("ln -sf /etc ended; echo 1 1 > pid; echo status 9 > ended; ls ..; "
                            "echo x > ../pid; echo x > ../ended; rm -f ../lock; exit 0"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 0);
  EXPECT_TRUE(fs::exists(root_ / key_.file_name() / "lock"));
  EXPECT_EQ(read_file(root_ / key_.file_name() / "ended"), "status 0");
  place_->forget(key_);
  EXPECT_TRUE(eventually([&] { return !fs::exists(root_ / key_.file_name()); }));
  EXPECT_TRUE(fs::exists("/etc/passwd"));
}

TEST_F(ProcessPlaceTest, RequiredIsolationNamesWhatIsMissing) {
  auto place = ProcessPlace::open(
      {.root = folder_.path() / "run", .isolation = Isolation::required}, [](Observation) {});
  std::string missing;
  for (const cell::Finding& finding : cell::describe(layers_here()))
    if (!finding.held && finding.need == cell::Finding::Need::isolation) missing = finding.what;
  EXPECT_EQ(place.has_value(), missing.empty());
  if (!place) EXPECT_THAT(place.error().message, testing::HasSubstr(missing));
}

TEST_F(ProcessPlaceTest, AnInstanceWithinItsMemoryRunsOn) {
  open();
  InstanceSpec spec{
      .argv = {"/usr/bin/python3", "-c", "x = b'x' * (50 << 20); import time; time.sleep(0.5)"}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 0);
}

TEST_F(ProcessPlaceTest, APlaceThatIsPreparedHoldsItsDirectoryFromThenOn) {
  const ProcessPlaceOptions options{.root = folder_.path() / "run", .layers = layers_here()};
  auto ground = ProcessPlace::prepare(options);
  ASSERT_TRUE(ground) << ground.error().message;
  const auto second = ProcessPlace::prepare(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_TRUE(ProcessPlace::open(*std::move(ground), [](Observation) {}));
}

// A server that is really killed with SIGKILL, at several moments around its starts.
TEST_F(ProcessPlaceTest, InstancesOfAServerThatWasKilledAreFoundAgainAndNeverTwice) {
  const fs::path root = folder_.path() / "run";
  for (int round = 0; round < 8; ++round) {
    const InstanceKey key{"test/kill/1/main/" + std::to_string(round)};
    const InstanceSpec spec = shell("echo $$ >> " + (folder_.path() / "started").string() +
                                    ".$$; while :; do sleep 0.05; done");
    const pid_t server = ::fork();
    if (server == 0) {
      auto place = ProcessPlace::open({.root = root, .layers = layers_here()}, [](Observation) {});
      (*place)->start(key, spec);
      ::usleep(static_cast<useconds_t>(round * 400));
      ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(server, nullptr, 0);
    std::mutex mutex;
    std::vector<Observation> seen;
    auto place =
        ProcessPlace::open({.root = root, .layers = layers_here()}, [&](Observation observation) {
          const std::lock_guard lock(mutex);
          seen.push_back(std::move(observation));
        });
    ASSERT_TRUE(place) << place.error().message;
    (*place)->adopt();
    (*place)->start(key, spec);
    const auto saw_any = [&](std::initializer_list<Kind> kinds) {
      const std::lock_guard lock(mutex);
      for (const Observation& observation : seen)
        for (const Kind kind : kinds)
          if (observation.key == key && observation.kind == kind) return true;
      return false;
    };
    EXPECT_TRUE(eventually([&] { return saw_any({Kind::started, Kind::adopted, Kind::exited}); }));
    std::this_thread::sleep_for(50ms);
    std::size_t started = 0;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (!entry.path().filename().string().starts_with("started")) continue;
      ++started;
      fs::remove(entry.path());
    }
    EXPECT_LE(started, 1U) << "round " << round;
    (*place)->stop(key, 0ms);
    EXPECT_TRUE(eventually([&] { return saw_any({Kind::exited}); })) << "round " << round;
  }
}

}  // namespace
}  // namespace slipway::place
