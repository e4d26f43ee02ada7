#include "engine/reconciler.h"

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <latch>

#include "base/backoff.h"
#include "base/log.h"
#include "base/thread_name.h"

namespace slipway::engine {

using std::chrono::microseconds;

namespace {

constexpr Backoff retry_backoff{.first = retry_delay_min, .most = retry_delay_max};

}  // namespace

// What one reconcile came to.
struct ReconcilerLoop::Outcome {
  Wake wake = {};
  std::uint64_t since = 0;  // of Changes, before the reconcile looked
  Effects effects = {};
  std::optional<std::string> failure;
};

ReconcilerLoop::ReconcilerLoop(store::Store& store, const Clock& clock, Changes& changes)
    : store_(store), clock_(clock), changes_(changes) {}

ReconcilerLoop::~ReconcilerLoop() {
  stop();
  changes_.close();
}

void ReconcilerLoop::add(Reconciler& reconciler) { reconcilers_.push_back(&reconciler); }

void ReconcilerLoop::wake(const Reconciler& reconciler, std::string_view key) {
  const auto place = std::ranges::find(reconcilers_, &reconciler);
  if (place == reconcilers_.end()) return;
  const std::lock_guard lock(mutex_);
  Key wanted{static_cast<std::size_t>(place - reconcilers_.begin()), std::string(key)};
  if (!woken_set_.insert(wanted).second) return;
  woken_.push_back(std::move(wanted));
  changed_.notify_one();
}

Result<> ReconcilerLoop::wake_all() {
  for (Reconciler* reconciler : reconcilers_) {
    TRY(const std::vector<std::string> keys,
        store_.read([&](store::Transaction& tx) -> Result<std::vector<std::string>> {
          return reconciler->keys(tx);
        }));
    reconciler->start_with(keys);
    for (const std::string& key : keys) wake(*reconciler, key);
  }
  return {};
}

std::vector<ReconcilerLoop::Key> ReconcilerLoop::take_due() {
  const std::lock_guard lock(mutex_);
  std::vector<Key> keys;
  const auto take = [&](const Key& key) {
    if (const auto timer = due_.find(key); timer != due_.end()) {
      timers_.erase({timer->second, key});
      due_.erase(timer);
    }
    keys.push_back(key);
  };
  const std::size_t count = std::min(woken_.size(), reconciles_per_batch_max);
  for (std::size_t i = 0; i < count; ++i) {
    woken_set_.erase(woken_[i]);
    take(woken_[i]);
  }
  woken_.erase(woken_.begin(), woken_.begin() + static_cast<std::ptrdiff_t>(count));
  const Instant now = clock_.monotonic();
  while (keys.size() < reconciles_per_batch_max && !timers_.empty() &&
         timers_.begin()->first <= now)
    take(Key(timers_.begin()->second));
  return keys;
}

std::size_t ReconcilerLoop::step() {
  const std::vector<Key> keys = take_due();
  if (!keys.empty()) run_batch(keys);
  return keys.size();
}

// All are handed to the writer before the first is waited for: it gives them one commit.
void ReconcilerLoop::run_batch(const std::vector<Key>& keys) {
  std::vector<Outcome> outcomes(keys.size());
  std::latch done(static_cast<std::ptrdiff_t>(keys.size()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    store_.write_async(
        [this, &key = keys[i], &outcome = outcomes[i]](store::Transaction& tx) -> Result<> {
          reconcile_one(key, tx, outcome);
          if (!outcome.failure && faults_.loses_commit && faults_.loses_commit())
            return fail(ErrorCode::unavailable, "the commit was lost");
          if (outcome.failure) return fail(ErrorCode::internal, *outcome.failure);
          return {};
        },
        [&done, &outcome = outcomes[i]](Result<> result) {
          if (!result) outcome.failure = result.error().message;
          done.count_down();
        });
  }
  done.wait();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!outcomes[i].failure) perform(outcomes[i]);
    settle(keys[i], outcomes[i]);
  }
}

void ReconcilerLoop::perform(Outcome& outcome) const {
  if (faults_.before_effects) faults_.before_effects();
  try {
    outcome.effects.perform();
  } catch (const std::exception& bug) {
    outcome.failure = bug.what();
  }
}

void ReconcilerLoop::reconcile_one(const Key& key, store::Transaction& tx, Outcome& outcome) {
  try {
    outcome.since = changes_.sequence();
    outcome.wake =
        reconcilers_[key.reconciler]->reconcile(key.key, tx, clock_.moment(), outcome.effects);
  } catch (const std::exception& bug) {
    outcome.failure = bug.what();
  }
}

void ReconcilerLoop::settle(const Key& key, const Outcome& outcome) {
  if (outcome.failure) {
    const auto delay = note_failure(key, *outcome.failure);
    log_error("engine", "a reconcile failed and is tried again",
              {{"engine", std::string(reconcilers_[key.reconciler]->name())},
               {"key", key.key},
               {"cause", *outcome.failure},
               {"again_in", fmt::format("{} ms", delay.count() / 1000)}});
    return schedule(key, delay);
  }
  {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
  }
  if (!outcome.wake.topic.empty()) await(key, outcome);
  if (outcome.wake.in) schedule(key, *outcome.wake.in);
}

// One wait for each topic of a key, however often it is named before the topic moves.
void ReconcilerLoop::await(const Key& key, const Outcome& outcome) {
  const std::string& topic = outcome.wake.topic;
  const Instant until = outcome.wake.in ? clock_.monotonic() + *outcome.wake.in : Instant::max();
  {
    const std::lock_guard lock(mutex_);
    if (!awaited_.emplace(key, topic).second) return;
  }
  changes_.wait(topic, outcome.since, until, [this, key, topic](WaitOutcome news) {
    {
      const std::lock_guard lock(mutex_);
      awaited_.erase({key, topic});
    }
    // At its deadline too: a later reconcile may have named the topic for longer.
    if (news != WaitOutcome::closed) wake(*reconcilers_[key.reconciler], key.key);
  });
}

// Returns when it is tried again.
microseconds ReconcilerLoop::note_failure(const Key& key, const std::string& cause) {
  const std::lock_guard lock(mutex_);
  Failures& known = failures_[key];
  known.cause = cause;
  known.at = clock_.now();
  return retry_backoff.after(++known.in_a_row);
}

std::vector<ReconcilerState> ReconcilerLoop::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<ReconcilerState> states;
  for (const Reconciler* reconciler : reconcilers_) states.push_back({.name = reconciler->name()});
  const Instant now = clock_.monotonic();
  const auto left = [&](Instant at) {
    return std::max(std::chrono::ceil<microseconds>(at - now), microseconds(0));
  };
  for (const Key& key : woken_) ++states[key.reconciler].woken;
  for (const auto& [key, topic] : awaited_) ++states[key.reconciler].awaiting;
  for (const auto& [at, key] : timers_) {
    ReconcilerState& state = states[key.reconciler];
    if (state.timed++ == 0) state.next_in = left(at);
  }
  for (const auto& [key, known] : failures_) {
    ReconcilerState& state = states[key.reconciler];
    if (++state.failing > failing_shown_max) continue;
    const auto due = due_.find(key);
    state.first_failing.push_back(
        {.key = key.key,
         .cause = known.cause,
         .failures = known.in_a_row,
         .failed_at = known.at,
         .again_in = due == due_.end() ? microseconds(0) : left(due->second)});
  }
  return states;
}

void ReconcilerLoop::schedule(const Key& key, microseconds delay) {
  const std::lock_guard lock(mutex_);
  const Instant at = clock_.monotonic() + delay;
  due_[key] = at;
  timers_.insert({at, key});
  changed_.notify_one();
}

std::optional<microseconds> ReconcilerLoop::next_due() const {
  const std::lock_guard lock(mutex_);
  if (!woken_.empty()) return microseconds(0);
  if (timers_.empty()) return std::nullopt;
  const auto wait = std::chrono::ceil<microseconds>(timers_.begin()->first - clock_.monotonic());
  return std::max(wait, microseconds(0));
}

void ReconcilerLoop::start() {
  thread_ = std::thread([this] { run(); });
}

void ReconcilerLoop::run() {
  name_this_thread("engine");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const std::size_t ran = step();
    const auto wait = next_due();
    lock.lock();
    if (ran > 0 || stopping_ || !woken_.empty()) continue;
    if (wait)
      changed_.wait_for(lock, *wait);
    else
      changed_.wait(lock);
  }
}

void ReconcilerLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace slipway::engine
