// The one loop that drives every engine: what is wanted stands in the store, a Reconciler makes it
// so one idempotent step at a time, and says when it wants to look again.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/store.h"

namespace slipway::engine {

// When to be woken next, unless something wakes the key before.
struct Wake {
  std::optional<std::chrono::microseconds> in;  // nothing: only when woken

  static Wake never() { return {}; }
  static Wake after(std::chrono::microseconds delay) {
    return {std::max(delay, std::chrono::microseconds(0))};
  }
  // The earlier of both.
  Wake sooner(Wake other) const {
    if (!in) return other;
    if (!other.in) return *this;
    return {std::min(*in, *other.in)};
  }
};

// Makes what stands under one key be what it should. A function of (stored state, observations,
// now): it may run at any time, twice, or after a crash, and never waits for anything.
class Reconciler {
 public:
  virtual ~Reconciler() = default;

  // "fleet": names it in the log.
  virtual std::string_view name() const = 0;

  // Every key there is, for the first look after a start.
  virtual std::vector<std::string> keys(store::Transaction& tx) = 0;

  // Runs inside a store write; no two calls of any reconciler run at once. What it throws rolls its
  // changes back, is logged, and the key is tried again later.
  virtual Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now) = 0;
};

// Limits.
inline constexpr std::size_t reconciles_per_batch_max = 64;
inline constexpr std::chrono::milliseconds retry_delay_min{100};
inline constexpr std::chrono::milliseconds retry_delay_max{30'000};

// Runs reconcilers, one key at a time, on the one engine thread: first the keys that were woken, in
// that order, then those whose time has come. Reconciles that are due together share one commit.
//
// Two ways to drive it, never both: start() runs a thread that lives by the real time; a simulation
// calls step() and moves its clock by next_due().
class ReconcilerLoop {
 public:
  // `store` and `clock` outlive this object.
  ReconcilerLoop(store::Store& store, const Clock& clock);
  ~ReconcilerLoop();  // stop()
  ReconcilerLoop(const ReconcilerLoop&) = delete;
  ReconcilerLoop& operator=(const ReconcilerLoop&) = delete;

  const Clock& clock() const { return clock_; }

  // Before the first step or start(). `reconciler` outlives this object.
  void add(Reconciler& reconciler);

  // From any thread, also from within a reconcile: looks at the key soon. Waking a key twice before
  // it runs is waking it once.
  void wake(const Reconciler& reconciler, std::string_view key);

  // Wakes every key of every reconciler: what a start does after a crash.
  Result<> wake_all();

  // Runs what is due now, once; returns how many keys ran.
  std::size_t step();
  // How long until something is due; nothing where only a wake helps. Zero: something is.
  std::optional<std::chrono::microseconds> next_due() const;

  void start();
  // Lets the running batch end. Idempotent.
  void stop();

 private:
  struct Key {
    std::size_t reconciler = 0;
    std::string key;
    auto operator<=>(const Key&) const = default;
  };
  struct Outcome;

  std::vector<Key> take_due();
  void run_batch(const std::vector<Key>& keys);
  void reconcile_one(const Key& key, store::Transaction& tx, Outcome& outcome);
  void settle(const Key& key, const Outcome& outcome);
  void schedule(const Key& key, std::chrono::microseconds delay);
  std::chrono::microseconds next_retry(const Key& key);
  void run();

  store::Store& store_;
  const Clock& clock_;
  std::vector<Reconciler*> reconcilers_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<Key> woken_;  // in the order of the wakes, each once
  std::set<Key> woken_set_;
  std::set<std::pair<Instant, Key>> timers_;
  std::map<Key, Instant> due_;        // the one timer of a key
  std::map<Key, unsigned> failures_;  // in a row
  std::thread thread_;
};

}  // namespace slipway::engine
