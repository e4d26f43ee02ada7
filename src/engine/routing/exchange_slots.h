// The exchanges that are under way on one framed link, by the ids that their frames carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/routing/link.h"
#include "net/link_frame.h"

namespace slipway::routing {

// Holds each exchange in a slot, which is used again when it is over. An id names the slot and the
// turn of its use, so that a late answer is told from one to the slot's next user. The slots stay
// for the link's life: a request costs no allocation.
class ExchangeSlots {
 public:
  static constexpr std::size_t slots_max = 0xFFFF;

  struct Slot {
    std::unique_ptr<Exchange> exchange;  // null: it is free
    Instant deadline = {};
    std::uint64_t begins_at = 0;  // its frame's first byte, counted over the connection's life
    std::uint16_t turn = 0;
    // Of an answer in parts: what the instance may still send, and what was taken since it was last
    // told so.
    std::uint32_t window = net::link_window_bytes;
    std::uint32_t taken_bytes = 0;
    Flow flow = Flow::flowing;
  };

  std::size_t under_way() const { return slots_.size() - free_.size(); }
  std::size_t size() const { return slots_.size(); }
  Slot& operator[](std::size_t number) { return slots_[number]; }
  // The slot that an id names which is_current().
  Slot& of(std::uint32_t id) { return slots_[number_of(id)]; }

  static std::size_t number_of(std::uint32_t id) { return id & 0xFFFF; }
  std::uint32_t id_of(std::size_t number) const {
    return static_cast<std::uint32_t>(number) | static_cast<std::uint32_t>(slots_[number].turn)
                                                    << 16;
  }
  // Whether somebody waits for that exchange still: it may have been given up.
  bool is_current(std::uint32_t id) const {
    const std::size_t number = number_of(id);
    return number < slots_.size() && slots_[number].exchange && id_of(number) == id;
  }

  // Returns the number of a slot that is taken from now on, by nobody yet.
  std::size_t take() {
    if (free_.empty()) {
      slots_.emplace_back();
      return slots_.size() - 1;
    }
    const std::size_t number = free_.back();
    free_.pop_back();
    return number;
  }
  // Nothing was sent under its id.
  void give_back(std::size_t number) { free_.push_back(static_cast<std::uint32_t>(number)); }
  // Its exchange is over.
  std::unique_ptr<Exchange> release(std::size_t number) {
    Slot& slot = slots_[number];
    ++slot.turn;
    give_back(number);
    return std::move(slot.exchange);
  }
  // All of them at once: none is left.
  std::vector<Slot> release_all() {
    free_.clear();
    return std::exchange(slots_, {});
  }

 private:
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace slipway::routing
