// These tests say what every place promises. A place's own test file derives a PlaceHarness and
// says
//
//   INSTANTIATE_TEST_SUITE_P(Process, PlaceConformance, testing::Values(make_process_harness));
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "place/place.h"

namespace slipway::place {

// One place under test, and how to let it live on.
class PlaceHarness {
 public:
  virtual ~PlaceHarness() = default;

  // A server process's view. Destroying it is that server's sudden end.
  virtual std::unique_ptr<Place> open(ObservationSink sink, LogSink& log) = 0;

  // Prints at least one line before end() or stop() has it end, and "ends" before end() has.
  virtual InstanceSpec runs_until_stopped() = 0;
  virtual InstanceSpec ignores_polite_stop() = 0;
  virtual InstanceSpec cannot_start() = 0;
  // Something of it is fetched first; nothing where this place fetches nothing.
  virtual std::optional<InstanceSpec> is_prepared() { return std::nullopt; }

  // Makes the instance end with `status` by itself.
  virtual void end(const InstanceKey& key, int status) = 0;
  // Lets a little time pass and deliver what happened.
  virtual void breathe() = 0;

  // Makes these attempts where the capabilities say that something is closed
  // (process/escape_main.cc), and ends; what it prints says what became of each. `mounts` are given
  // to it.
  virtual InstanceSpec tries(std::vector<std::string> attempts, std::vector<Mount> mounts) {
    return {};
  }
  // Whether tries() has a program that does so; a scripted engine runs none.
  virtual bool runs_attempts() const { return true; }
  // A directory of the host that no instance was given.
  virtual std::filesystem::path outside() { return {}; }
};

// Keeps what is offered, as the log book would: also for a later server.
class KeptLogs final : public LogSink {
 public:
  std::uint64_t taken(const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    return texts_[labels.log_stream].size();
  }
  std::uint64_t take(const InstanceKey& key, const Labels& labels, const LogPart& part) override {
    const std::lock_guard lock(mutex_);
    std::string& text = texts_[labels.log_stream];
    EXPECT_EQ(labels.log_stream, key.text);
    EXPECT_EQ(part.offset, text.size());
    const bool whole = part.follows == LogPart::Follows::nothing;
    const std::size_t lines = part.text.rfind('\n') + 1;  // 0: there is none
    text += part.text.substr(0, whole ? part.text.size() : lines);
    return text.size();
  }
  std::string of(const InstanceKey& key) {
    const std::lock_guard lock(mutex_);
    return texts_[key.text];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> texts_;
};

using HarnessFactory = std::function<std::unique_ptr<PlaceHarness>()>;

class PlaceConformance : public testing::TestWithParam<HarnessFactory> {
 protected:
  using Kind = Observation::Kind;

  void SetUp() override {
    harness_ = GetParam()();
    restart_server();
    wait_for(Kind::adoption_done, {});
  }
  void TearDown() override {
    if (place_)
      for (const InstanceKey& key : used_) place_->stop(key, std::chrono::milliseconds(0));
    for (int i = 0; i < 8; ++i) harness_->breathe();
    place_.reset();
  }

  void restart_server() {
    place_.reset();
    {
      const std::lock_guard lock(mutex_);
      seen_.clear();
    }
    place_ = harness_->open(
        [this](Observation observation) {
          const std::lock_guard lock(mutex_);
          seen_.push_back(std::move(observation));
        },
        logs_);
    place_->adopt();
  }

  void start(const InstanceKey& key, InstanceSpec spec) {
    used_.push_back(key);
    spec.labels = labels_of(key);
    place_->start(key, spec);
  }
  static Labels labels_of(const InstanceKey& key) {
    return {.service = "test", .log_space = "s", .log_group = "g", .log_stream = key.text};
  }

  std::vector<Observation> seen(const InstanceKey& key) {
    const std::lock_guard lock(mutex_);
    std::vector<Observation> mine;
    for (const Observation& observation : seen_)
      if (observation.key == key) mine.push_back(observation);
    return mine;
  }
  std::size_t count(Kind kind, const InstanceKey& key) {
    std::size_t count = 0;
    for (const Observation& observation : seen(key)) count += observation.kind == kind ? 1 : 0;
    return count;
  }
  // The first such observation; fails the test after ten seconds without.
  Observation wait_for(Kind kind, const InstanceKey& key) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < patience) {
      for (const Observation& observation : seen(key))
        if (observation.kind == kind) return observation;
      harness_->breathe();
    }
    ADD_FAILURE() << "no '" << name_of(kind) << "' was observed of '" << key.text << "'";
    return {};
  }

  // The attempts that were not refused.
  std::string escapes(std::vector<std::string> attempts, std::vector<Mount> mounts = {}) {
    const InstanceKey key{"test/escape/1/main/" + std::to_string(++escapes_)};
    const std::size_t count = attempts.size();
    start(key, harness_->tries(std::move(attempts), std::move(mounts)));
    wait_for(Kind::exited, key);
    const std::string log = logs_.of(key);
    std::string done;
    std::size_t told = 0;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      ++told;
      if (line.find(": refused (") == std::string::npos) done += line + "\n";
    }
    EXPECT_EQ(told, count) << log;
    EXPECT_EQ(log.find("no such attempt"), std::string::npos) << log;
    return done;
  }
  // A file of the host that everybody could read and write.
  std::string open_file(const std::string& name) {
    const std::filesystem::path path = harness_->outside() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "secret";
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(0666));
    std::filesystem::permissions(path.parent_path(), static_cast<std::filesystem::perms>(0777));
    return path;
  }

  KeptLogs logs_;
  std::unique_ptr<PlaceHarness> harness_;
  std::unique_ptr<Place> place_;
  const InstanceKey a_{"test/a/1/main/1"};
  const InstanceKey b_{"test/a/1/main/2"};

 private:
  std::mutex mutex_;
  std::vector<Observation> seen_;
  std::vector<InstanceKey> used_;
  int escapes_ = 0;
};

TEST_P(PlaceConformance, AnInstanceStartsAndEndsWhenStopped) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  place_->stop(a_, std::chrono::seconds(10));
  wait_for(Kind::exited, a_);
}

TEST_P(PlaceConformance, AnEndThatWasAskedForIsToldApartAlsoByALaterServer) {
  for (const InstanceKey& key : {a_, b_}) {
    start(key, harness_->runs_until_stopped());
    wait_for(Kind::started, key);
  }
  place_->stop(a_, std::chrono::seconds(10));
  harness_->end(b_, 0);
  EXPECT_TRUE(wait_for(Kind::exited, a_).exit.asked);
  EXPECT_FALSE(wait_for(Kind::exited, b_).exit.asked);
  if (!place_->capabilities().survives_server) return;
  restart_server();
  EXPECT_TRUE(wait_for(Kind::exited, a_).exit.asked);
  EXPECT_FALSE(wait_for(Kind::exited, b_).exit.asked);
}

TEST_P(PlaceConformance, TheSameKeyNeverStartsASecondInstance) {
  start(a_, harness_->runs_until_stopped());
  place_->start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  place_->stop(a_, std::chrono::seconds(10));
  wait_for(Kind::exited, a_);
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_EQ(count(Kind::exited, a_), 1U);
}

TEST_P(PlaceConformance, AKeyThatEndedReportsItsEndAgainAndIsNotStarted) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  harness_->end(a_, 3);
  EXPECT_EQ(wait_for(Kind::exited, a_).exit.status, 3);
  restart_server();
  start(a_, harness_->runs_until_stopped());
  EXPECT_EQ(wait_for(Kind::exited, a_).exit.status, 3);
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_EQ(count(Kind::started, a_), 0U);
}

TEST_P(PlaceConformance, WhatCannotStartIsReportedWithAReason) {
  start(a_, harness_->cannot_start());
  EXPECT_FALSE(wait_for(Kind::start_failed, a_).reason.empty());
}

TEST_P(PlaceConformance, AnEndCarriesTheEndOfTheLog) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  harness_->end(a_, 1);
  const std::string tail = wait_for(Kind::exited, a_).tail;
  EXPECT_TRUE(tail.ends_with("ends\n")) << tail;
  EXPECT_TRUE(logs_.of(a_).ends_with(tail)) << "it was offered before";
}

TEST_P(PlaceConformance, WhatARunningInstancePrintsIsOfferedAndTheEndOfItTold) {
  start(a_, harness_->runs_until_stopped());
  const std::string tail = wait_for(Kind::printed, a_).tail;
  EXPECT_TRUE(tail.ends_with('\n')) << tail;
  EXPECT_EQ(logs_.of(a_), tail);
  std::atomic<bool> offered = false;  // told on the place's thread
  place_->push_logs([&] { offered = true; });
  for (int i = 0; i < 1000 && !offered; ++i) harness_->breathe();
  EXPECT_TRUE(offered);
}

TEST_P(PlaceConformance, WhatWasPrintedIsOfferedOnceAndGoesOnWithALaterServer) {
  if (!place_->capabilities().survives_server) GTEST_SKIP() << "instances end with the server here";
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::printed, a_);
  const std::string before = logs_.of(a_);
  restart_server();
  EXPECT_EQ(wait_for(Kind::adopted, a_).tail, before);
  harness_->end(a_, 0);
  wait_for(Kind::exited, a_);
  EXPECT_EQ(logs_.of(a_), before + "ends\n");
  restart_server();
  wait_for(Kind::exited, a_);
  EXPECT_EQ(logs_.of(a_), before + "ends\n");
}

TEST_P(PlaceConformance, LabelsAreKeptWithTheInstance) {
  start(a_, harness_->runs_until_stopped());
  EXPECT_EQ(wait_for(Kind::started, a_).labels, labels_of(a_));
  if (place_->capabilities().survives_server) {
    restart_server();
    EXPECT_EQ(wait_for(Kind::adopted, a_).labels, labels_of(a_));
  }
  harness_->end(a_, 0);
  EXPECT_EQ(wait_for(Kind::exited, a_).labels, labels_of(a_));
}

TEST_P(PlaceConformance, WhatItCannotDoIsRefusedByName) {
  std::vector<InstanceSpec> specs(6, harness_->runs_until_stopped());
  specs[0].cpu_millis_max = 500;
  specs[1].gpus = 1;
  specs[2].user = "1000:1000";
  specs[3].ports = {{.inside = 8080, .outside = 32768}};
  specs[4].image = "registry/image:tag";
  specs[5].memory_bytes_max = 1ULL << 30;
  int number = 0;
  for (const InstanceSpec& spec : specs) {
    const auto reason = refusal(place_->capabilities(), spec);
    const InstanceKey key{"test/refused/1/main/" + std::to_string(++number)};
    if (!reason) continue;
    start(key, spec);
    EXPECT_EQ(wait_for(Kind::start_failed, key).reason, *reason);
  }
}

TEST_P(PlaceConformance, WhatIsFetchedFirstIsToldBeforeTheStart) {
  const auto spec = harness_->is_prepared();
  if (!spec) GTEST_SKIP() << "nothing is fetched here";
  start(a_, *spec);
  EXPECT_FALSE(wait_for(Kind::preparing, a_).reason.empty());
  wait_for(Kind::started, a_);
  EXPECT_EQ(seen(a_).front().kind, Kind::preparing);
}

TEST_P(PlaceConformance, EachPortIsReachedSomewhere) {
  InstanceSpec spec = harness_->runs_until_stopped();
  spec.ports = {{.inside = 8080}, {.inside = 9090}};
  start(a_, spec);
  const Addresses addresses = wait_for(Kind::started, a_).addresses;
  EXPECT_TRUE(addresses.ports.contains(8080));
  EXPECT_TRUE(addresses.ports.contains(9090));
}

TEST_P(PlaceConformance, AnInstanceThatIgnoresTheRequestIsForcedAfterTheGrace) {
  start(a_, harness_->ignores_polite_stop());
  wait_for(Kind::started, a_);
  for (int i = 0; i < 50; ++i) harness_->breathe();
  place_->stop(a_, std::chrono::milliseconds(100));
  EXPECT_EQ(wait_for(Kind::exited, a_).exit.signal, 9);
}

TEST_P(PlaceConformance, StoppingWhatNeverWasOrHasEndedIsFine) {
  place_->stop(b_, std::chrono::seconds(1));
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  harness_->end(a_, 0);
  wait_for(Kind::exited, a_);
  place_->stop(a_, std::chrono::seconds(1));
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_TRUE(seen(b_).empty());
}

TEST_P(PlaceConformance, AfterACrashOfTheServerRunningInstancesAreAdoptedOnce) {
  if (!place_->capabilities().survives_server) GTEST_SKIP() << "instances end with the server here";
  start(a_, harness_->runs_until_stopped());
  start(b_, harness_->runs_until_stopped());
  const Addresses before = wait_for(Kind::started, a_).addresses;
  wait_for(Kind::started, b_);
  restart_server();
  EXPECT_EQ(wait_for(Kind::adopted, a_).addresses, before);
  wait_for(Kind::adopted, b_);
  wait_for(Kind::adoption_done, {});
  EXPECT_EQ(seen(a_).size(), 1U);
  harness_->end(b_, 1);
  wait_for(Kind::exited, b_);
  place_->stop(a_, std::chrono::seconds(10));
  wait_for(Kind::exited, a_);
}

TEST_P(PlaceConformance, AForgottenKeyIsNotReportedAfterARestart) {
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  place_->forget(a_);  // it runs: nothing happens
  harness_->end(a_, 0);
  wait_for(Kind::exited, a_);
  place_->forget(a_);
  for (int i = 0; i < 5; ++i) harness_->breathe();
  restart_server();
  wait_for(Kind::adoption_done, {});
  EXPECT_TRUE(seen(a_).empty());
}

TEST_P(PlaceConformance, TheCodeOfAnInstanceTouchesNoFileThatItWasNotGiven) {
  if (!harness_->runs_attempts()) GTEST_SKIP() << "nothing runs here";
  if (!place_->capabilities().closes_files) GTEST_SKIP() << "files are open here";
  const std::string file = open_file("key");
  std::vector<std::string> attempts;
  for (const char* attempt : {"read ", "write ", "cut ", "move ", "link ", "remove "})
    attempts.push_back(attempt + file);
  attempts.push_back("list " + harness_->outside().string());
  attempts.push_back("write " + harness_->outside().string() + "/new");
  attempts.push_back("write /etc/slipway-escape");
  attempts.push_back("write /usr/slipway-escape");
  if (place_->capabilities().hides_processes)  // else the host's own, which every user may write to
    for (const char* folder : {"/", "/dev/", "/proc/", "/opt/"})
      attempts.push_back("write " + std::string(folder) + "slipway-escape");
  attempts.push_back("list /root");
  EXPECT_EQ(escapes(attempts), "");
}

TEST_P(PlaceConformance, TheCodeOfAnInstanceChangesNothingOfWhatItOnlyReads) {
  if (!harness_->runs_attempts()) GTEST_SKIP() << "nothing runs here";
  if (!place_->capabilities().closes_files) GTEST_SKIP() << "files are open here";
  const std::string model = open_file("model/weights");
  const std::string folder = std::filesystem::path(model).parent_path();
  std::vector<std::string> attempts;
  for (const char* attempt : {"write ", "cut ", "move ", "link ", "remove "})
    attempts.push_back(attempt + model);
  attempts.push_back("write " + folder + "/new");
  if (place_->capabilities().hides_processes)  // a tree of its own, read-only as a whole
    for (const char* attempt : {"chmod ", "utime ", "remount "})
      attempts.push_back(attempt + model);
  EXPECT_EQ(escapes(attempts, {{.host_path = folder}}), "");
  EXPECT_EQ(escapes({"read " + model, "list " + folder}, {{.host_path = folder}}),
            "read " + model + ": done\nlist " + folder + ": done\n");
}

TEST_P(PlaceConformance, TheCodeOfAnInstanceDoesNothingToProcessesThatAreNotItsOwn) {
  if (!harness_->runs_attempts()) GTEST_SKIP() << "nothing runs here";
  if (!place_->capabilities().closes_processes) GTEST_SKIP() << "processes are open here";
  start(a_, harness_->runs_until_stopped());
  wait_for(Kind::started, a_);
  std::vector<std::string> attempts;
  for (const pid_t pid : {::getpid(), ::getppid()})
    for (const char* attempt :
         {"environ", "maps", "mem", "cwd", "root", "ptrace", "vm_read", "getfd", "kill",
          "pidfd_kill", "prlimit", "affinity", "priority", "scheduler"})
      attempts.push_back(attempt + (" " + std::to_string(pid)));
  if (place_->capabilities().hides_processes)
    for (const char* attempt : {"see ", "fd "})
      attempts.push_back(attempt + std::to_string(::getpid()));
  EXPECT_EQ(escapes(attempts), "");
}

TEST_P(PlaceConformance, NothingThatAnInstanceStartedOutlivesIt) {
  if (!harness_->runs_attempts()) GTEST_SKIP() << "nothing runs here";
  if (!place_->capabilities().ends_everything) GTEST_SKIP() << "processes are left behind here";
  start(a_, harness_->tries({"leave"}, {}));
  wait_for(Kind::exited, a_);
  const std::string before = logs_.of(a_);
  EXPECT_NE(before.find("leave: done"), std::string::npos) << before;
  const std::filesystem::path log = place_->directory_of(a_).parent_path() / "log";
  const auto printed = [&] { return std::filesystem::file_size(log); };
  const auto bytes = printed();
  for (int i = 0; i < 20; ++i) harness_->breathe();
  EXPECT_EQ(printed(), bytes);
}

TEST_P(PlaceConformance, AnInstanceReachesNoSocketOfAnother) {
  if (!harness_->runs_attempts()) GTEST_SKIP() << "nothing runs here";
  if (!place_->capabilities().hides_processes) GTEST_SKIP() << "sockets are open here";
  const auto listen = [](sockaddr_un& address, std::size_t size) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)),
              0);
    ::listen(socket, 8);
    return socket;
  };
  sockaddr_un by_path{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = open_file("others/x") + ".sock";
  std::strncpy(by_path.sun_path, path.c_str(), sizeof by_path.sun_path - 1);
  const int first = listen(by_path, sizeof by_path);
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(0777));
  std::vector<std::string> attempts{"connect " + path};
  sockaddr_un by_name{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string name = "slipway-conformance-" + std::to_string(::getpid());
  std::strncpy(by_name.sun_path + 1, name.c_str(), sizeof by_name.sun_path - 2);
  const int second = listen(by_name, offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (place_->capabilities().closes_names) attempts.push_back("abstract " + name);
  EXPECT_EQ(escapes(attempts), "");
  ::close(first);
  ::close(second);
}

TEST_P(PlaceConformance, TheCodeOfAnInstanceGainsNoPowerOverTheMachine) {
  if (!harness_->runs_attempts()) GTEST_SKIP() << "nothing runs here";
  if (!place_->capabilities().closes_processes) GTEST_SKIP() << "processes are open here";
  EXPECT_EQ(escapes({"mount_anew", "mount", "chroot /usr", "setuid", "module", "clock"}), "");
}

}  // namespace slipway::place
