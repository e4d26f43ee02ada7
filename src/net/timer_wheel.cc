#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "base/memory_shortage.h"

namespace slipway::net {

std::uint64_t TimerWheel::tick_of(Instant time) const {
  if (time <= start_) return 0;
  const auto past = std::chrono::ceil<std::chrono::milliseconds>(time - start_);
  return static_cast<std::uint64_t>(past.count());
}

std::uint32_t TimerWheel::take_node() {
  if (free_.empty()) {
    nodes_.emplace_back();
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

TimerId TimerWheel::add(Instant due, Task task) {
  const std::uint32_t index = take_node();
  Node& node = nodes_[index];
  node.task = std::move(task);
  node.tick = std::max(tick_of(due), done_ + 1);
  node.linked = true;
  const auto slot = static_cast<std::uint32_t>(node.tick % slots);
  node.previous = none;
  node.next = heads_[slot];
  if (node.next != none) nodes_[node.next].previous = index;
  heads_[slot] = index;
  used_[slot / 64] |= 1ULL << (slot % 64);
  ++count_;
  return (static_cast<TimerId>(node.generation) << 32) | index;
}

void TimerWheel::unlink(std::uint32_t index) {
  Node& node = nodes_[index];
  const auto slot = static_cast<std::uint32_t>(node.tick % slots);
  (node.previous == none ? heads_[slot] : nodes_[node.previous].next) = node.next;
  if (node.next != none) nodes_[node.next].previous = node.previous;
  if (heads_[slot] == none) used_[slot / 64] &= ~(1ULL << (slot % 64));
  node.linked = false;
  --count_;
}

Task TimerWheel::release(std::uint32_t index) {
  Node& node = nodes_[index];
  ++node.generation;
  free_.push_back(index);
  return std::move(node.task);
}

void TimerWheel::cancel(TimerId timer) {
  const auto index = static_cast<std::uint32_t>(timer);
  if (timer == 0 || index >= nodes_.size()) return;
  const Node& node = nodes_[index];
  if (!node.linked || node.generation != timer >> 32) return;
  unlink(index);
  release(index);  // the task goes here, after the books are in order
}

void TimerWheel::collect_slot(std::uint64_t tick, std::uint64_t until) {
  for (std::uint32_t i = heads_[tick % slots]; i != none; i = nodes_[i].next) {
    if (nodes_[i].tick > until) continue;
    due_.push_back((static_cast<TimerId>(nodes_[i].generation) << 32) | i);
  }
}

void TimerWheel::run_due(Instant now) {
  // Whole milliseconds that have passed: a timer never runs early.
  const auto past = std::chrono::floor<std::chrono::milliseconds>(now - start_).count();
  if (past <= 0 || static_cast<std::uint64_t>(past) <= done_) return;
  const auto until = static_cast<std::uint64_t>(past);
  if (count_ > 0) {
    const std::uint64_t steps = std::min<std::uint64_t>(until - done_, slots);
    for (std::uint64_t tick = until - steps + 1; tick <= until; ++tick) {
      if (heads_[tick % slots] != none) collect_slot(tick, until);
    }
  }
  done_ = until;
  // Collected first: a task may cancel another one that is due in the same call.
  std::vector<TimerId> due = std::move(due_);
  for (const TimerId timer : due) {
    const auto index = static_cast<std::uint32_t>(timer);
    if (!nodes_[index].linked || nodes_[index].generation != timer >> 32) continue;
    unlink(index);
    Task task = release(index);
    survive_memory_shortage("net", task);
  }
  due.clear();
  due_ = std::move(due);
}

std::optional<std::chrono::milliseconds> TimerWheel::next_due(Instant now) const {
  if (count_ == 0) return std::nullopt;
  std::uint64_t distance = 0;
  for (std::uint64_t tick = done_ + 1; distance < slots;) {
    const auto slot = static_cast<std::uint32_t>(tick % slots);
    const std::uint64_t word = used_[slot / 64] >> (slot % 64);
    if (word != 0) {
      distance += static_cast<std::uint64_t>(std::countr_zero(word));
      break;
    }
    const std::uint64_t step = 64 - slot % 64;
    distance += step;
    tick += step;
  }
  const auto due =
      start_ + std::chrono::milliseconds(done_ + 1 + std::min<std::uint64_t>(distance, slots));
  if (due <= now) return std::chrono::milliseconds(0);
  return std::chrono::ceil<std::chrono::milliseconds>(due - now);
}

}  // namespace slipway::net
