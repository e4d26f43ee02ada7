// Says on standard error what is being done: on a terminal a line that counts the seconds and is
// replaced by its outcome, elsewhere a line of its own every five seconds, and the outcome.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "cli/commands.h"

namespace slipway::cli {

// One thing that takes its time. The thread that counts lives as long as it does.
class ProgressStep {
 public:
  // "starting", "2 instances".
  ProgressStep(World& world, std::string_view doing, std::string_view what);
  // A step that was not finished leaves no line behind.
  ~ProgressStep();
  ProgressStep(const ProgressStep&) = delete;
  ProgressStep& operator=(const ProgressStep&) = delete;

  // Says what it waits for now, beside the seconds; from any thread.
  void say(std::string_view waits_for);
  // "started", "2 instances": the line that stays, with the time it took.
  void finish(std::string_view done, std::string_view what);

 private:
  void tick(const std::stop_token& stop);
  std::string line_now() const;
  void stop_ticking();

  World& world_;
  const std::string line_;
  const Instant begin_;
  std::mutex mutex_;
  std::string waits_for_;
  std::condition_variable_any stopped_;
  std::jthread ticker_;
};

// "12 ms", "3.4 s", "2 min 5 s".
std::string duration_text(std::chrono::nanoseconds time);

}  // namespace slipway::cli
