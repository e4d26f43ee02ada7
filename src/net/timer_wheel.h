// Timers in a hashed wheel of millisecond slots: setting and cancelling are constant in time and,
// once warm, free of allocation, so that every request can have a deadline of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"

namespace slipway::net {

// One thread. The caller passes the time in.
class TimerWheel {
 public:
  explicit TimerWheel(Instant start) : start_(start) {}

  TimerId add(Instant due, Task task);
  void cancel(TimerId timer);

  // Runs what is due at `now`, in slots' order. Tasks may add and cancel timers; one added to be
  // due at once runs in the next call.
  void run_due(Instant now);

  // How long until run_due() may find something; nothing where there is no timer. May be too early
  // (a timer a whole turn away is in the same slot), never too late.
  std::optional<std::chrono::milliseconds> next_due(Instant now) const;

 private:
  static constexpr std::uint32_t slots = 4096;  // one turn is four seconds
  static constexpr std::uint32_t none = ~0U;

  struct Node {
    Task task;
    std::uint64_t tick = 0;  // when it is due
    std::uint32_t generation = 1;
    std::uint32_t previous = none;
    std::uint32_t next = none;
    bool linked = false;
  };

  std::uint64_t tick_of(Instant time) const;
  std::uint32_t take_node();
  void unlink(std::uint32_t index);
  Task release(std::uint32_t index);
  void collect_slot(std::uint64_t tick, std::uint64_t until);

  Instant start_;
  std::uint64_t done_ = 0;  // every tick up to this one was run
  std::size_t count_ = 0;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> free_;
  std::vector<TimerId> due_;
  std::array<std::uint32_t, slots> heads_ = make_heads();
  std::array<std::uint64_t, slots / 64> used_ = {};  // one bit for each slot that has nodes

  static constexpr std::array<std::uint32_t, slots> make_heads() {
    std::array<std::uint32_t, slots> heads;
    heads.fill(none);
    return heads;
  }
};

}  // namespace slipway::net
