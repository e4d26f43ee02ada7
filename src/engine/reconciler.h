// The one loop that drives every engine: what is wanted stands in the store, a Reconciler makes it
// so one idempotent step at a time, and says when it wants to look again. A step decides inside a
// store write; what it does outside of the store are effects, and follow once the write is durable.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/changes.h"
#include "store/store.h"

namespace slipway::engine {

// When to be woken next, unless something wakes the key before.
struct Wake {
  std::optional<std::chrono::microseconds> in;  // nothing: only when woken
  // Also when this topic of Changes moves; empty: no topic.
  std::string topic = {};

  static Wake never() { return {}; }
  static Wake after(std::chrono::microseconds delay) {
    return {.in = std::max(delay, std::chrono::microseconds(0))};
  }
  // When `topic` moves after what the reconcile saw.
  static Wake on(std::string topic) { return {.in = {}, .topic = std::move(topic)}; }
  // The same, and once `delay` has passed at the latest.
  static Wake on(std::string topic, std::chrono::microseconds delay) {
    return {.in = delay, .topic = std::move(topic)};
  }
  // The earlier of both; of two topics, this one's.
  Wake sooner(Wake other) const {
    Wake both = in && (!other.in || *in < *other.in) ? *this : other;
    both.topic = topic.empty() ? std::move(other.topic) : topic;
    return both;
  }
};

// What a reconcile does outside of the store: starts an instance, publishes routes, tells Changes.
// Performed on the engine's thread in the order in which it was added, after the reconcile's
// changes are durable; never where these were lost. An effect may wait for a machine: nothing but
// other reconciles waits for it. A crash can come between the commit and the effect, so each has a
// key that makes performing it twice performing it once, and a reconcile adds it again until it has
// seen that it was performed.
class Effects {
 public:
  using Effect = std::move_only_function<void()>;
  void add(Effect effect) { effects_.push_back(std::move(effect)); }
  // The loop's: performs what was added so far and drops it. What an effect throws leaves those
  // after it undone.
  void perform() {
    for (Effect& effect : std::exchange(effects_, {})) effect();
  }

 private:
  std::vector<Effect> effects_;
};

// Makes what stands under one key be what it should. A function of (stored state, observations,
// now): it may run at any time, twice, or after a crash, and never waits for anything.
class Reconciler {
 public:
  virtual ~Reconciler() = default;

  // "fleet": names it in the log.
  virtual std::string_view name() const = 0;

  // Every key that waits for something: for the first look after a start, and for who looks in.
  virtual std::vector<std::string> keys(store::Transaction& tx) = 0;

  // A start is about to wake these, which are all.
  virtual void start_with(const std::vector<std::string>& keys) { (void)keys; }

  // Runs inside a store write, on the writer's thread: every other write waits for it, so it waits
  // for nothing, and does nothing outside of the store but by `effects`. No two calls and effects
  // of any reconciler run at once. What it throws rolls its changes back, is logged, and the key is
  // tried again later; so it is where an effect throws.
  virtual Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         Effects& effects) = 0;
};

// One reconciler as it stands, for who looks into a running server.
struct ReconcilerState {
  // A key whose last reconcile failed.
  struct Failing {
    std::string key;
    std::string cause;
    unsigned failures = 0;     // in a row
    Timestamp failed_at = {};  // the last of them
    std::chrono::microseconds again_in{0};
  };
  std::string_view name;
  std::size_t woken = 0;                                  // keys that wait for their turn
  std::size_t timed = 0;                                  // keys that wait for their time
  std::size_t awaiting = 0;                               // waits for a topic of Changes
  std::optional<std::chrono::microseconds> next_in = {};  // to the earliest of the timed
  std::size_t failing = 0;
  std::vector<Failing> first_failing = {};  // by key, at most failing_shown_max
};

// Limits.
inline constexpr std::size_t failing_shown_max = 100;
inline constexpr std::size_t reconciles_per_batch_max = 64;
inline constexpr std::chrono::milliseconds retry_delay_min{100};
inline constexpr std::chrono::milliseconds retry_delay_max{30'000};

// Runs reconcilers, one key at a time: first the keys that were woken, in that order, then those
// whose time has come. Reconciles that are due together share one commit, on the store's writer;
// then their effects are performed, key by key, on the one engine thread.
//
// Two ways to drive it, never both: start() runs a thread that lives by the real time; a simulation
// calls step() and moves its clock by next_due().
class ReconcilerLoop {
 public:
  // All outlive this object, which closes `changes` when it goes: what waits there for a reconcile
  // would wait for ever, and its own waits must not be told of afterwards.
  ReconcilerLoop(store::Store& store, const Clock& clock, Changes& changes);
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

  // How each stands now, in the order in which they were added. From any thread.
  std::vector<ReconcilerState> states() const;
  const std::vector<Reconciler*>& reconcilers() const { return reconcilers_; }

  // What a simulation does to the store: a commit that is lost, time that passes between a commit
  // and the effects. Before the first step.
  struct Faults {
    std::function<bool()> loses_commit;
    std::function<void()> before_effects;
  };
  void set_faults(Faults faults) { faults_ = std::move(faults); }

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
  struct Failures {
    unsigned in_a_row = 0;
    std::string cause;
    Timestamp at = {};
  };

  std::vector<Key> take_due();
  void run_batch(const std::vector<Key>& keys);
  void reconcile_one(const Key& key, store::Transaction& tx, Outcome& outcome);
  void perform(Outcome& outcome) const;
  void settle(const Key& key, const Outcome& outcome);
  void await(const Key& key, const Outcome& outcome);
  void schedule(const Key& key, std::chrono::microseconds delay);
  std::chrono::microseconds note_failure(const Key& key, const std::string& cause);
  void run();

  store::Store& store_;
  const Clock& clock_;
  Changes& changes_;
  Faults faults_;
  std::vector<Reconciler*> reconcilers_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<Key> woken_;  // in the order of the wakes, each once
  std::set<Key> woken_set_;
  std::set<std::pair<Instant, Key>> timers_;
  std::map<Key, Instant> due_;  // the one timer of a key
  std::map<Key, Failures> failures_;
  std::set<std::pair<Key, std::string>> awaited_;  // topics that wake keys, each once
  std::thread thread_;
};

}  // namespace slipway::engine
