#include "engine/objects/keeper.h"

#include "base/log.h"
#include "base/thread_name.h"

namespace slipway::objects {
namespace {

constexpr std::chrono::seconds period{1};
constexpr std::chrono::hours quarantine_time{24};
constexpr std::chrono::hours quarantine_period{1};
constexpr std::chrono::minutes scrub_delay{5};  // a start has better things to do
constexpr std::chrono::hours scrub_period{7 * 24};
constexpr std::uint64_t scrub_bytes_per_second = 32 << 20;
constexpr int scrub_files_per_second = 200;

}  // namespace

void BodyKeeper::start() {
  scrub_at_ = needs_.clock.monotonic() + scrub_delay;
  empty_at_ = needs_.clock.monotonic();
  thread_ = std::jthread([this] { run(); });
}

void BodyKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  update_mark();
}

void BodyKeeper::run() {
  name_this_thread("body-keeper");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto now = needs_.clock.monotonic();
    update_mark();
    needs_.removals.retry();
    if (now >= empty_at_) {
      empty_at_ = now + quarantine_period;
      needs_.removals.post([this] {
        needs_.removals.files().empty_quarantine(needs_.clock.server_time() - quarantine_time);
      });
    }
    if (now >= scrub_at_) scrub_for_a_second();
    lock.lock();
    wake_.wait_for(lock, period, [this] { return stopping_; });
  }
}

// Reads the counter from the store: what is seen there is durable.
void BodyKeeper::update_mark() {
  if (!changed_.exchange(false)) return;
  const auto change = needs_.store.read([](store::Transaction& tx) -> Result<std::int64_t> {
    auto rows = tx.query("SELECT value FROM objects_counter");
    rows.next();
    return rows.integer(0);
  });
  if (!change) return;
  if (const auto written = mark_.write({database_, *change}); !written) {
    changed_ = true;
    log_warning("objects", "the mark beside the bodies is old", {{"why", written.error().message}});
  }
}

void BodyKeeper::scrub_for_a_second() {
  std::uint64_t bytes = 0;
  for (int files = 0; files < scrub_files_per_second && bytes < scrub_bytes_per_second; ++files) {
    const auto examined = scrubber_.step();
    if (!examined)
      log_warning("objects", "bodies cannot be examined", {{"why", examined.error().message}});
    if (!examined || !*examined) {
      scrub_at_ = needs_.clock.monotonic() + scrub_period;
      return;
    }
    bytes += **examined;
  }
  // A large file counts for as many seconds as its bytes deserve.
  scrub_at_ = needs_.clock.monotonic() + std::chrono::seconds(bytes / scrub_bytes_per_second);
}

}  // namespace slipway::objects
