// Measures what a cell adds to an instance's start: medians of starts without and with it, taken in
// turn, and their differences; then of a hundred starts that are asked for at once. The limits are
// 3 ms for a plain start and 1 ms from a warmed parent.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "place/process/process_place.h"

namespace slipway::place {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int rounds = 200;
constexpr int burst = 100;
constexpr int burst_rounds = 5;

fs::path beside_this_program(const char* name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

// A place whose instances are waited for one by one.
class Starter {
 public:
  Starter(const fs::path& root, const cell::Layers& layers) {
    place_ = ProcessPlace::open({.root = root,
                                 .zygote = {beside_this_program("place_test_zygote"), "--zygote"},
                                 .layers = layers},
                                [this](const Observation& seen) { observe(seen); })
                 .value();
  }

  // From the call to the observation that it runs; it is ended before this returns.
  double start(const std::string& program, std::vector<std::string> arguments) {
    const InstanceKey key{"bench/start/1/main/" + std::to_string(++count_)};
    arguments.insert(arguments.begin(), program);
    const auto begin = SteadyClock::now();
    place_->start(key, {.argv = std::move(arguments)});
    wait_for(Observation::Kind::started, 1);
    const Milliseconds took = SteadyClock::now() - begin;
    end({key});
    return took.count();
  }

  // Of each of `burst` starts that are asked for at once.
  double start_many(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    std::vector<InstanceKey> keys;
    for (int i = 0; i < burst; ++i)
      keys.push_back({"bench/burst/1/main/" + std::to_string(++count_)});
    const auto begin = SteadyClock::now();
    for (const InstanceKey& key : keys) place_->start(key, {.argv = arguments});
    wait_for(Observation::Kind::started, burst);
    const Milliseconds took = SteadyClock::now() - begin;
    end(keys);
    return took.count() / burst;
  }

 private:
  void end(const std::vector<InstanceKey>& keys) {
    for (const InstanceKey& key : keys) place_->stop(key, std::chrono::milliseconds(0));
    wait_for(Observation::Kind::exited, static_cast<int>(keys.size()));
    for (const InstanceKey& key : keys) place_->forget(key);
    const std::lock_guard lock(mutex_);
    seen_.clear();
  }
  void observe(const Observation& seen) {
    const std::lock_guard lock(mutex_);
    if (seen.kind == Observation::Kind::start_failed) fmt::print(stderr, "{}\n", seen.reason);
    ++seen_[seen.kind];
    changed_.notify_all();
  }
  void wait_for(Observation::Kind kind, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return seen_[kind] >= count; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Observation::Kind, int> seen_;  // since the last end
  std::unique_ptr<ProcessPlace> place_;
  int count_ = 0;
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

void measure(const char* what, double limit_ms, int times, Starter& open, Starter& closed,
             const std::function<double(Starter&)>& start) {
  std::vector<double> without;
  std::vector<double> with;
  for (int round = 0; round < times; ++round) {
    without.push_back(start(open));
    with.push_back(start(closed));
  }
  const double added = median(with) - median(without);
  fmt::print("{:<24} {:6.2f} ms without, {:6.2f} ms with: + {:.2f} ms (limit {:.0f} ms)\n", what,
             median(without), median(with), added, limit_ms);
}

void measure_all(Starter& open, Starter& closed) {
  const std::string sleeper = "/bin/sleep";
  const std::string warmed = beside_this_program("place_test_zygote");
  measure("plain start", 3, rounds, open, closed,
          [&](Starter& starter) { return starter.start(sleeper, {"100"}); });
  measure("from a warmed parent", 1, rounds, open, closed,
          [&](Starter& starter) { return starter.start(warmed, {"exec sleep 100"}); });
  measure("each of 100 plain", 3, burst_rounds, open, closed,
          [&](Starter& starter) { return starter.start_many(sleeper, {"100"}); });
  measure("each of 100 warmed", 1, burst_rounds, open, closed,
          [&](Starter& starter) { return starter.start_many(warmed, {"exec sleep 100"}); });
}

int run() {
  std::string folder = (fs::temp_directory_path() / "slipway-cell-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const auto layers = cell::ask(beside_this_program("slipway-cell"), folder);
  if (!layers) {
    fmt::print(stderr, "{}\n", layers.error().message);
    return 1;
  }
  for (const cell::Finding& finding : cell::describe(*layers))
    fmt::print("{:<20} {}\n", finding.what, finding.held ? finding.detail : "not held here");
  {
    Starter open(fs::path(folder) / "open", cell::no_layers);
    Starter closed(fs::path(folder) / "closed", *layers);
    std::this_thread::sleep_for(std::chrono::seconds(1));  // the warmed parents get ready
    measure_all(open, closed);
  }
  fs::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace slipway::place

int main() { return slipway::place::run(); }
