// What a cell adds to an instance's start: medians of starts without and with it, taken in turn,
// and their differences. The limits are 3 ms for a plain start and 1 ms from a warmed parent.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <vector>

#include "place/process/process_place.h"

namespace slipway::place {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int rounds = 200;

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
    wait_for(Observation::Kind::started);
    const Milliseconds took = SteadyClock::now() - begin;
    place_->stop(key, std::chrono::milliseconds(0));
    wait_for(Observation::Kind::exited);
    place_->forget(key);
    return took.count();
  }

 private:
  void observe(const Observation& seen) {
    const std::lock_guard lock(mutex_);
    if (seen.kind == Observation::Kind::start_failed) fmt::print(stderr, "{}\n", seen.reason);
    last_ = seen.kind;
    changed_.notify_all();
  }
  void wait_for(Observation::Kind kind) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return last_ == kind; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Observation::Kind last_ = Observation::Kind::adoption_done;
  std::unique_ptr<ProcessPlace> place_;
  int count_ = 0;
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

void measure(const char* what, double limit_ms, Starter& open, Starter& closed,
             const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<double> without;
  std::vector<double> with;
  for (int round = 0; round < rounds; ++round) {
    without.push_back(open.start(program, arguments));
    with.push_back(closed.start(program, arguments));
  }
  const double added = median(with) - median(without);
  fmt::print("{:<24} {:6.2f} ms without, {:6.2f} ms with: + {:.2f} ms (limit {:.0f} ms)\n", what,
             median(without), median(with), added, limit_ms);
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
    measure("plain start", 3, open, closed, "/bin/sleep", {"100"});
    measure("from a warmed parent", 1, open, closed, beside_this_program("place_test_zygote"),
            {"exec sleep 100"});
  }
  fs::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace slipway::place

int main() { return slipway::place::run(); }
