#include "engine/changes.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace slipway::engine {

Changes::Changes(const Clock& clock, std::function<void()> begun)
    : clock_(clock), begun_(std::move(begun)) {}

Changes::~Changes() { close(); }

std::uint64_t Changes::sequence() const {
  const std::lock_guard lock(mutex_);
  return sequence_;
}

void Changes::notify(std::string_view topic) {
  for (Waiter& waiter : take_topic(topic)) waiter(WaitOutcome::changed);
}

std::vector<Waiter> Changes::take_topic(std::string_view topic) {
  const std::lock_guard lock(mutex_);
  ++sequence_;
  if (changed_at_.size() >= remembered_topics_max) {
    changed_at_.clear();
    forgotten_before_ = sequence_;
  }
  changed_at_.insert_or_assign(std::string(topic), sequence_);
  std::vector<Waiter> waiters;
  const auto found = waiting_.find(topic);
  if (found == waiting_.end()) return waiters;
  for (Waiting& waiting : found->second) {
    const auto [first, last] = deadlines_.equal_range(waiting.deadline);
    const auto deadline = std::find_if(
        first, last, [&](const auto& entry) { return entry.second.second == waiting.id; });
    if (deadline != last) deadlines_.erase(deadline);
    waiters.push_back(std::move(waiting.waiter));
  }
  waiting_count_ -= found->second.size();
  waiting_.erase(found);
  return waiters;
}

void Changes::wait(std::string_view topic, std::uint64_t since, Instant deadline, Waiter waiter) {
  const bool has_deadline = deadline != Instant::max();
  std::optional<WaitOutcome> at_once;
  {
    const std::lock_guard lock(mutex_);
    const auto latest = changed_at_.find(topic);
    const bool changed =
        latest != changed_at_.end() ? latest->second > since : since < forgotten_before_;
    if (closed_) {
      at_once = WaitOutcome::closed;
    } else if (!changed && waiting_count_ >= waiters_max) {
      at_once = WaitOutcome::deadline;
    } else if (changed) {
      at_once = WaitOutcome::changed;
    } else {
      const std::uint64_t id = next_id_++;
      waiting_[std::string(topic)].push_back({id, deadline, std::move(waiter)});
      ++waiting_count_;
      if (has_deadline) deadlines_.insert({deadline, {std::string(topic), id}});
    }
  }
  if (at_once) return waiter(*at_once);
  if (has_deadline && begun_) begun_();
}

std::size_t Changes::expire() {
  std::vector<Waiter> late;
  std::size_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    late = take_expired(clock_.monotonic());
    left = deadlines_.size();
  }
  for (Waiter& waiter : late) waiter(WaitOutcome::deadline);
  return left;
}

// Under the lock.
std::vector<Waiter> Changes::take_expired(Instant now) {
  std::vector<Waiter> waiters;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto [topic, id] = std::move(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    const auto found = waiting_.find(topic);
    const auto mine = std::ranges::find(found->second, id, &Waiting::id);
    waiters.push_back(std::move(mine->waiter));
    found->second.erase(mine);
    --waiting_count_;
    if (found->second.empty()) waiting_.erase(found);
  }
  return waiters;
}

void Changes::close() {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [topic, list] : waiting_)
      for (Waiting& waiting : list) waiters.push_back(std::move(waiting.waiter));
    waiting_.clear();
    waiting_count_ = 0;
    deadlines_.clear();
  }
  for (Waiter& waiter : waiters) waiter(WaitOutcome::closed);
}

std::size_t Changes::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_count_;
}

}  // namespace slipway::engine
