// A place whose instances do what a test says. For the tests of environments.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "engine/environments/environments.h"
#include "place/place.h"

namespace slipway::environments {

namespace fs = std::filesystem;

// What an instance's program does, in its directory; its value is the exit status, or -1: it goes
// on.
using Act = std::function<int(const fs::path&, const place::InstanceSpec&)>;

// As a program of the tests is asked.
inline const EnvironmentFlags test_flags{.plan = "--plan",
                                         .install = "--install",
                                         .environment = "--at",
                                         .plan_text = "--as-planned",
                                         .reason = "why: "};

inline bool plans(const place::InstanceSpec& spec) {
  return std::ranges::find(spec.argv, test_flags.plan) != spec.argv.end();
}

// Runs what a test says in place of each program, and reports that it ended.
class ActingPlace final : public place::Place {
 public:
  ActingPlace(fs::path root, place::ObservationSink sink)
      : root_(std::move(root)), sink_(std::move(sink)) {}

  place::Capabilities capabilities() const override { return {}; }
  void start(const place::InstanceKey& key, const place::InstanceSpec& spec) override {
    ++(plans(spec) ? plans_run : builds);
    const fs::path directory = directory_of(key);
    fs::create_directories(directory);
    const int status = (plans(spec) ? plan : install)(directory, spec);
    if (status < 0) {
      const std::lock_guard lock(mutex_);
      running_.insert(key);
    }
    if (status < 0 && !log.empty())
      sink_({.kind = place::Observation::Kind::printed, .key = key, .tail = log});
    if (status >= 0) end(key, {.status = status, .signal = {}});
  }
  void stop(const place::InstanceKey& key, std::chrono::milliseconds) override {
    ++stops;
    {
      const std::lock_guard lock(mutex_);
      running_.erase(key);
    }
    end(key, {.status = {}, .signal = 9});
  }
  void forget(const place::InstanceKey& key) override {
    {
      const std::lock_guard lock(mutex_);
      ended_.erase(key);
    }
    fs::remove_all(directory_of(key));
  }
  void adopt() override {
    std::set<place::InstanceKey> running;
    std::map<place::InstanceKey, place::Exit> ended;
    {
      const std::lock_guard lock(mutex_);
      running = running_;
      ended = ended_;
    }
    for (const auto& [key, exit] : ended) tell_end(key, exit);
    for (const place::InstanceKey& key : running)
      sink_({.kind = place::Observation::Kind::adopted, .key = key});
    sink_({.kind = place::Observation::Kind::adoption_done, .key = {}});
  }
  void push_logs(std::move_only_function<void()> done) override { done(); }
  fs::path directory_of(const place::InstanceKey& key) const override {
    return root_ / key.file_name();
  }

  Act plan;
  Act install;
  std::string log;
  std::atomic<int> plans_run = 0;
  std::atomic<int> builds = 0;
  std::atomic<int> stops = 0;

 private:
  void end(const place::InstanceKey& key, const place::Exit& exit) {
    {
      const std::lock_guard lock(mutex_);
      ended_[key] = exit;
    }
    tell_end(key, exit);
  }
  void tell_end(const place::InstanceKey& key, const place::Exit& exit) const {
    sink_({.kind = place::Observation::Kind::exited, .key = key, .exit = exit, .tail = log});
  }

  const fs::path root_;
  const place::ObservationSink sink_;
  std::mutex mutex_;
  std::set<place::InstanceKey> running_;             // guarded by mutex_
  std::map<place::InstanceKey, place::Exit> ended_;  // and not forgotten; guarded by mutex_
};

}  // namespace slipway::environments
