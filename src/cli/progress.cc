#include "cli/progress.h"

#include <fmt/format.h>

#include <ostream>

#include "base/printable.h"

namespace slipway::cli {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view clear_line = "\r\x1b[K";
constexpr std::chrono::milliseconds tick_period = 100ms;
// What is quicker shows only its outcome.
constexpr std::chrono::milliseconds tick_delay = 150ms;
// In a pipe or a file.
constexpr std::chrono::milliseconds line_period = 5s;

}  // namespace

ProgressStep::ProgressStep(World& world, std::string_view doing, std::string_view what)
    : world_(world),
      line_(fmt::format("  {:<11}{}", doing, what)),
      begin_(world.clock.monotonic()) {
  ticker_ = std::jthread([this](const std::stop_token& stop) { tick(stop); });
}

ProgressStep::~ProgressStep() { stop_ticking(); }

void ProgressStep::finish(std::string_view done, std::string_view what) {
  stop_ticking();
  const std::string time = duration_text(world_.clock.monotonic() - begin_);
  world_.err << fmt::format("  {:<11}{} ({})\n", done, what, time);
}

void ProgressStep::say(std::string_view waits_for) {
  const std::scoped_lock lock(mutex_);
  waits_for_ = printable(waits_for);
}

std::string ProgressStep::line_now() const {
  const std::string time = duration_text(world_.clock.monotonic() - begin_);
  return fmt::format("{}  {}{}{}", line_, time, waits_for_.empty() ? "" : "  ", waits_for_);
}

void ProgressStep::tick(const std::stop_token& stop) {
  const bool terminal = world_.err_terminal == Terminal::yes;
  std::unique_lock lock(mutex_);
  for (auto pause = terminal ? tick_delay : line_period;
       !stopped_.wait_for(lock, stop, pause, [] { return false; }) && !stop.stop_requested();
       pause = terminal ? tick_period : line_period)
    world_.err << (terminal ? clear_line : "") << line_now() << (terminal ? "" : "\n")
               << std::flush;
}

void ProgressStep::stop_ticking() {
  if (!ticker_.joinable()) return;
  ticker_.request_stop();
  ticker_.join();
  if (world_.err_terminal == Terminal::yes) world_.err << clear_line << std::flush;
}

std::string duration_text(std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

}  // namespace slipway::cli
