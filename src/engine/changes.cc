#include "engine/changes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/memory_shortage.h"

namespace slipway::engine {

Changes::Turn& Changes::Turn::operator=(Turn&& other) noexcept {
  if (this == &other) return *this;
  pass_on();
  hub_ = std::exchange(other.hub_, nullptr);
  topic_ = std::move(other.topic_);
  id_ = other.id_;
  return *this;
}

// What drops a turn may be the shortage itself: then the next change finds the line as it is.
void Changes::Turn::pass_on() noexcept {
  if (Changes* const hub = std::exchange(hub_, nullptr))
    survive_memory_shortage("engine", [&] { hub->pass_on(topic_); });
}

Changes::Changes(const Clock& clock, std::function<void()> begun)
    : clock_(clock), begun_(std::move(begun)) {}

Changes::~Changes() { close(); }

std::uint64_t Changes::sequence() const {
  const std::lock_guard lock(mutex_);
  return sequence_;
}

void Changes::notify(std::string_view topic) {
  std::vector<Told> told;
  take_topic(topic, told);
  tell(std::move(told));
}

void Changes::tell(std::vector<Told> told) {
  for (Told& each : told) each.waiter(each.outcome, std::move(each.turn));
}

void Changes::take_topic(std::string_view topic, std::vector<Told>& told) {
  const std::lock_guard lock(mutex_);
  ++sequence_;
  if (changed_at_.size() >= remembered_topics_max) {
    changed_at_.clear();
    forgotten_before_ = sequence_;
  }
  changed_at_.insert_or_assign(std::string(topic), sequence_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  Waiters& all = found->second.all;
  while (!all.empty()) told.push_back({.waiter = take(all, all.begin())});
  take_first(found, told);
  forget_if_empty(found);
}

Changes::LineWaiter Changes::take(Waiters& from, Waiters::iterator which) {
  auto& [id, waiting] = *which;
  deadlines_.erase({waiting.deadline, id});
  --waiting_;
  if (const auto owner = owners_.find(waiting.owner);
      owner != owners_.end() && --owner->second == 0)
    owners_.erase(owner);
  LineWaiter waiter = std::move(waiting.waiter);
  from.erase(which);
  return waiter;
}

// A turn that ends takes the lock: under it none may be dropped, not by a shortage of memory
// either. So there is room for all that is taken before the first turn begins.
void Changes::take_first(ByTopic<Topic>::iterator topic, std::vector<Told>& told) {
  Waiters& line = topic->second.line;
  if (line.empty()) return;
  told.reserve(told.size() + 1);
  const auto first = line.begin();
  Turn turn(*this, topic->first, first->first);
  told.push_back({.waiter = take(line, first), .turn = std::move(turn)});
}

// A line without anybody in it has no look to take: whoever comes next says when he wants one.
void Changes::forget_if_empty(ByTopic<Topic>::iterator topic) {
  const Topic& it = topic->second;
  if (it.line.empty() && it.look != 0) deadlines_.erase({it.look_at, it.look});
  if (it.line.empty() && it.all.empty()) topics_.erase(topic);
}

void Changes::pass_on(std::string_view topic) {
  std::vector<Told> told;
  {
    const std::lock_guard lock(mutex_);
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    take_first(found, told);
    forget_if_empty(found);
  }
  tell(std::move(told));
}

void Changes::wait(std::string_view topic, std::uint64_t since, Instant deadline, Waiter waiter,
                   TaskOwner owner) {
  enter(topic, since, &Topic::all, {.deadline = deadline, .owner = owner},
        [waiter = std::move(waiter)](WaitOutcome outcome, Turn) mutable { waiter(outcome); });
}

void Changes::wait_in_line(std::string_view topic, std::uint64_t since, InLine place,
                           LineWaiter waiter) {
  enter(topic, since, &Topic::line, std::move(place), std::move(waiter));
}

// Whoever finds no place keeps the turn that he had: he leaves the line, and drops it there. So
// does whom a shortage of memory keeps out, once the lock is free: his turn and his waiter are
// taken after the last allocation. A deadline without him may stay, until it passes.
void Changes::enter(std::string_view topic, std::uint64_t since, Waiters Topic::* where,
                    InLine place, LineWaiter waiter) {
  const bool has_deadline = place.deadline != Instant::max();
  const bool is_timed = has_deadline || place.look_at;
  std::optional<WaitOutcome> at_once;
  {
    const std::lock_guard lock(mutex_);
    at_once = outcome_at_once(topic, since, place.owner);
    if (!at_once) {
      const auto found = topics_.try_emplace(std::string(topic)).first;
      const std::uint64_t id = place.turn.hub_ ? place.turn.id_ : next_id_++;
      if (has_deadline) deadlines_.emplace(std::pair(place.deadline, id), found->first);
      if (place.look_at) look_later(found, *place.look_at);
      if (place.owner != TaskOwner::nobody) owners_.try_emplace(place.owner, 0);
      Waiting waiting{.deadline = place.deadline, .owner = place.owner, .waiter = {}};
      const auto own = (found->second.*where).emplace(id, std::move(waiting)).first;
      own->second.waiter = std::move(waiter);
      place.turn.hub_ = nullptr;
      if (place.owner != TaskOwner::nobody) ++owners_.at(place.owner);
      ++waiting_;
    }
  }
  if (at_once) return waiter(*at_once, std::move(place.turn));
  if (is_timed && begun_) begun_();
}

std::optional<WaitOutcome> Changes::outcome_at_once(std::string_view topic, std::uint64_t since,
                                                    TaskOwner owner) const {
  if (closed_) return WaitOutcome::closed;
  const auto latest = changed_at_.find(topic);
  const bool changed =
      latest != changed_at_.end() ? latest->second > since : since < forgotten_before_;
  if (changed) return WaitOutcome::changed;
  if (owner == TaskOwner::nobody) return std::nullopt;
  const auto own = owners_.find(owner);
  const bool crowded =
      waiting_ >= waiters_max || (own != owners_.end() && own->second >= waiters_per_owner_max);
  return crowded ? std::optional(WaitOutcome::deadline) : std::nullopt;
}

void Changes::look_later(ByTopic<Topic>::iterator topic, Instant look_at) {
  Topic& it = topic->second;
  if (it.look != 0 && it.look_at <= look_at) return;
  const std::uint64_t look = next_id_++;
  deadlines_.emplace(std::pair(look_at, look), topic->first);
  if (it.look != 0) deadlines_.erase({it.look_at, it.look});
  it.look_at = look_at;
  it.look = look;
}

std::size_t Changes::expire() {
  std::vector<Told> told;
  std::size_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    take_expired(clock_.monotonic(), told);
    left = deadlines_.size();
  }
  tell(std::move(told));
  return left;
}

void Changes::take_expired(Instant now, std::vector<Told>& told) {
  const auto expired = [&](const auto& deadline) { return deadline.first.first <= now; };
  told.reserve(static_cast<std::size_t>(
      std::ranges::distance(deadlines_.begin(), std::ranges::find_if_not(deadlines_, expired))));
  while (!deadlines_.empty() && expired(*deadlines_.begin())) {
    const auto first = deadlines_.begin();
    const std::uint64_t id = first->first.second;
    const auto found = topics_.find(first->second);
    if (found == topics_.end()) {
      deadlines_.erase(first);
      continue;
    }
    Topic& topic = found->second;
    Waiters& waiters = topic.line.contains(id) ? topic.line : topic.all;
    if (id == topic.look) {
      take_first(found, told);
      deadlines_.erase(first);
      topic.look = 0;
    } else if (const auto waiter = waiters.find(id); waiter != waiters.end()) {
      told.push_back({.waiter = take(waiters, waiter), .outcome = WaitOutcome::deadline});
    } else {
      deadlines_.erase(first);
    }
    forget_if_empty(found);
  }
}

void Changes::close() {
  std::vector<Told> told;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [name, topic] : topics_)
      for (Waiters* const waiters : {&topic.all, &topic.line})
        for (auto& [id, waiting] : *waiters)
          told.push_back({.waiter = std::move(waiting.waiter), .outcome = WaitOutcome::closed});
    topics_.clear();
    deadlines_.clear();
    owners_.clear();
    waiting_ = 0;
  }
  tell(std::move(told));
}

std::size_t Changes::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

}  // namespace slipway::engine
