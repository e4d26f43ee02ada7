#include "place/process/process_place.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "place/place_conformance.h"
#include "place/process/run_directory.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Kind = Observation::Kind;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Polls for ten seconds.
bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "slipway_place_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

InstanceSpec shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script},
          .environment = {{"PATH", "/usr/bin:/bin"}},
          .http_socket = "http.sock",
          .link_socket = "link.sock"};
}

class ProcessHarness final : public PlaceHarness {
 public:
  std::unique_ptr<Place> open(ObservationSink sink) override {
    auto place =
        ProcessPlace::open({.root = folder_.path() / "run", .zygote = {}}, std::move(sink));
    EXPECT_TRUE(place) << place.error().message;
    return std::move(*place);
  }
  InstanceSpec runs_until_stopped() override {
    return shell("while [ ! -e end ]; do sleep 0.01; done; exit $(cat end)");
  }
  InstanceSpec ignores_polite_stop() override {
    return shell("trap '' TERM; echo deaf; while :; do sleep 0.05; done");
  }
  InstanceSpec cannot_start() override { return {.argv = {"/nowhere/at/all"}}; }
  void end(const InstanceKey& key, int status) override {
    const fs::path at = folder_.path() / "run" / key.file_name();
    std::ofstream(at / "end.new") << status;
    fs::rename(at / "end.new", at / "end");
  }
  void breathe() override { std::this_thread::sleep_for(5ms); }

 private:
  Folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Process, PlaceConformance, testing::Values(HarnessFactory([] {
                           return std::make_unique<ProcessHarness>();
                         })));

class ProcessPlaceTest : public testing::Test {
 protected:
  void open(fs::path root = {}) {
    if (root.empty()) root = folder_.path() / "run";
    root_ = root;
    auto place = ProcessPlace::open({.root = root, .zygote = {}}, [this](Observation observation) {
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
        if (observation.kind == kind) {
          last_ = observation;
          return true;
        }
      return false;
    });
  }
  void TearDown() override {
    if (!place_) return;
    place_->stop(key_, 0ms);
    std::this_thread::sleep_for(20ms);
  }
  fs::path file(const char* name) const { return root_ / key_.file_name() / name; }

  Folder folder_;
  fs::path root_;
  const InstanceKey key_{"fleet/000000000000/us-east-1/endpoint/a/1/AllTraffic/7"};
  std::mutex mutex_;
  std::vector<Observation> seen_;
  Observation last_;
  std::unique_ptr<ProcessPlace> place_;
};

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
  EXPECT_TRUE(fs::exists(reached.parent_path() / "pid"));
}

TEST_F(ProcessPlaceTest, WhatAnInstanceStartedEndsWithIt) {
  open();
  place_->start(key_, shell("sleep 1000 & echo $! > child.txt; mv child.txt child; exit 0"));
  ASSERT_TRUE(saw(Kind::exited));
  const int child = std::stoi(read_file(file("child")));
  EXPECT_TRUE(eventually([&] {
    const std::string stat = read_file("/proc/" + std::to_string(child) + "/stat");
    return stat.empty() || stat.find(") Z") != std::string::npos;
  }));
}

TEST_F(ProcessPlaceTest, TheLogIsReadFromAnOffsetAndFromItsEnd) {
  open();
  place_->start(key_, shell("for i in 1 2 3 4 5; do echo line $i; done; echo last >&2"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(place_->log_tail(key_, 2), "line 5\nlast\n");
  const auto all = place_->read_log(key_, 0);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->text, "line 1\nline 2\nline 3\nline 4\nline 5\nlast\n");
  EXPECT_EQ(place_->read_log(key_, 7)->text.substr(0, 7), "line 2\n");
  EXPECT_EQ(place_->read_log(key_, all->next_offset)->text, "");
}

TEST_F(ProcessPlaceTest, ALogThatGrowsPastItsLimitMovesAsideAndOffsetsGoOn) {
  RunDirectory directory(folder_.path() / "one");
  ASSERT_TRUE(directory.make(key_, shell("x")));
  std::ofstream(directory.file("log")) << std::string(1000, 'a') << "\nnew\n";
  directory.rotate_log(100);
  EXPECT_EQ(fs::file_size(directory.file("log")), 0U);
  EXPECT_EQ(fs::file_size(directory.file("log.1")), 100U);
  std::ofstream(directory.file("log"), std::ios::app) << "after\n";
  EXPECT_EQ(directory.log_tail(2), "new\nafter\n");
  const auto old = directory.read_log(1001);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->text, "new\n");
  EXPECT_EQ(directory.read_log(old->next_offset)->text, "after\n");
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
  const auto second = ProcessPlace::open({.root = root_, .zygote = {}}, [](Observation) {});
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
  EXPECT_NE(place_->log_tail(key_, 5).find("its limit of 100 MiB"), std::string::npos);
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

TEST_F(ProcessPlaceTest, AnInstanceWithinItsMemoryRunsOn) {
  open();
  InstanceSpec spec{
      .argv = {"/usr/bin/python3", "-c", "x = b'x' * (50 << 20); import time; time.sleep(0.5)"}};
  spec.memory_bytes_max = 100 << 20;
  place_->start(key_, spec);
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 0);
}

// The zygote protocol in a few lines: one JSON line in, a forked program, its pid out.
constexpr const char* zygote_script = R"(
import json, os, socket, sys, fcntl
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[-1]); server.listen()
print('ready', flush=True)
while True:
    peer, _ = server.accept()
    ask = json.loads(peer.makefile().readline())
    if ask['env'].get('REFUSE'):
        peer.sendall(b'{"error": "not today"}\n'); peer.close(); continue
    child = os.fork()
    if child == 0:
        if os.fork(): os._exit(0)
        os.setsid(); os.chdir(ask['run_dir'])
        lock = os.open(ask['lock'], os.O_RDWR | os.O_CREAT); fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock, True)
        log = os.open('log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1); os.dup2(log, 2); os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
        start = open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19]
        open('pid.new', 'w').write('%d %s\n' % (os.getpid(), start)); os.rename('pid.new', 'pid')
        peer.sendall(json.dumps({'pid': os.getpid(), 'start_time': int(start)}).encode() + b'\n')
        os.execve('/bin/sh', ['sh', '-c', 'echo warm; ' + ask['argv'][1]], ask['env'])
    os.waitpid(child, 0); peer.close()
)";

class ZygoteTest : public ProcessPlaceTest {
 protected:
  void open_with_zygote() {
    const fs::path program = folder_.path() / "program";
    std::ofstream(program)
        << "#!/bin/sh\n[ \"$1\" = --zygote ] || { echo plain; eval \"$1\"; exit; }\n"
        << "exec python3 " << (folder_.path() / "zygote.py").string() << " \"$@\"\n";
    std::ofstream(folder_.path() / "zygote.py") << zygote_script;
    fs::permissions(program, fs::perms::owner_all);
    program_ = program;
    root_ = folder_.path() / "run";
    auto place = ProcessPlace::open({.root = root_, .zygote = {program_, "--zygote"}},
                                    [this](Observation observation) {
                                      const std::lock_guard lock(mutex_);
                                      seen_.push_back(std::move(observation));
                                    });
    ASSERT_TRUE(place) << place.error().message;
    place_ = std::move(*place);
    ASSERT_TRUE(eventually([&] { return fs::exists(root_ / "zygote.sock"); }));
    std::this_thread::sleep_for(100ms);  // its "ready" follows
  }
  InstanceSpec spec(const std::string& script, const std::string& refuse = "") {
    InstanceSpec spec{.argv = {program_, script}, .environment = {{"PATH", "/usr/bin:/bin"}}};
    if (!refuse.empty()) spec.environment["REFUSE"] = refuse;
    return spec;
  }

  std::string program_;
};

TEST_F(ZygoteTest, AnInstanceIsForkedFromTheWarmedParentAndStoppedLikeAnyOther) {
  open_with_zygote();
  place_->start(key_, spec("sleep 1000"));
  ASSERT_TRUE(saw(Kind::started));
  EXPECT_TRUE(eventually([&] { return place_->log_tail(key_, 1) == "warm\n"; }));
  place_->stop(key_, 5s);
  EXPECT_TRUE(saw(Kind::exited));
}

TEST_F(ZygoteTest, WhatItsInstancesLeaveRunningEndsWithThem) {
  open_with_zygote();
  // Without the lock, which tells of what still runs.
  place_->start(key_, spec("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; sleep 1000 & echo $!"));
  ASSERT_TRUE(saw(Kind::exited));
  const pid_t left = std::stoi(place_->log_tail(key_, 1));
  EXPECT_TRUE(eventually([&] { return ::kill(left, 0) != 0; }));
}

TEST_F(ZygoteTest, WhatTheWarmedParentRefusesIsStartedPlainly) {
  open_with_zygote();
  place_->start(key_, spec("exit 4", "yes"));
  ASSERT_TRUE(saw(Kind::exited));
  EXPECT_EQ(last_.exit.status, 4);
  EXPECT_EQ(place_->log_tail(key_, 1), "plain\n");
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

// A server that is really killed with SIGKILL, at several moments around its starts.
TEST_F(ProcessPlaceTest, InstancesOfAServerThatWasKilledAreFoundAgainAndNeverTwice) {
  const fs::path root = folder_.path() / "run";
  for (int round = 0; round < 8; ++round) {
    const InstanceKey key{"test/kill/1/main/" + std::to_string(round)};
    const InstanceSpec spec = shell("echo $$ >> " + (folder_.path() / "started").string() +
                                    ".$$; while :; do sleep 0.05; done");
    const pid_t server = ::fork();
    if (server == 0) {
      auto place = ProcessPlace::open({.root = root, .zygote = {}}, [](Observation) {});
      (*place)->start(key, spec);
      ::usleep(static_cast<useconds_t>(round * 400));
      ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(server, nullptr, 0);
    std::mutex mutex;
    std::vector<Observation> seen;
    auto place = ProcessPlace::open({.root = root, .zygote = {}}, [&](Observation observation) {
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
