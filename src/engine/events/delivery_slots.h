// Who may send to HTTP subscribers now: so many requests at once, shared in such a way that
// subscribers that hang delay none that answer.
//
// A subscription is in one of two lanes. It answers: its last request got an answer, whatever that
// said. It is doubtful: its last request got none, or it had none yet. Each lane has slots that the
// other cannot take, and a line of those that wait for one; a slot that is free goes to whoever
// waits longest, first among those that answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::events {

// Limits. A slot is a socket and a notification in memory.
inline constexpr std::size_t delivery_slots_max = 256;
inline constexpr std::size_t answering_slots_max = 224;
inline constexpr std::size_t doubtful_slots_max = 192;
// Of one subscription: one until it answers.
inline constexpr std::size_t deliveries_under_way_max = 4;
inline constexpr std::size_t answering_kept_max = 10'000;

// One thread at a time. Remembers subscriptions with a slot or in line, and at most
// answering_kept_max that answer.
class DeliverySlots {
 public:
  enum class Turn : std::uint8_t {
    now,      // the slot is held until release()
    later,    // the subscription has its share under way
    in_line,  // no slot is free: call() will name it
  };
  // For the request `seq`, which holds none.
  Turn take(const std::string& subscription, std::int64_t seq);
  bool holds(std::string_view subscription, std::int64_t seq) const;
  // Releasing what is not held is fine.
  void release(std::string_view subscription, std::int64_t seq);

  enum class Heard : std::uint8_t { an_answer, nothing };
  void note(const std::string& subscription, Heard heard);

  // Whose turn came. A slot is kept for each until it takes it or declines.
  std::vector<std::string> call();
  // The subscription has nothing to send now.
  void decline(std::string_view subscription);

  // How many subscriptions hold slots, wait or were called.
  std::size_t subscriptions() const { return held_.size() + standing_.size() + called_.size(); }

 private:
  enum class Lane : std::uint8_t { answering, doubtful };
  struct Slots {
    std::size_t used = 0;  // held, or kept for one that was called
    std::deque<std::string> line = {};
  };

  Lane lane_of(std::string_view subscription) const;
  bool has_room(Lane lane) const;
  Slots& slots(Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
  const Slots& slots(Lane lane) const { return lanes_[static_cast<std::size_t>(lane)]; }

  std::array<Slots, 2> lanes_;
  // By subscription; none is empty. A slot counts in the lane in which it was taken.
  std::map<std::string, std::map<std::int64_t, Lane>, std::less<>> held_;
  std::set<std::string, std::less<>> standing_;  // in one of the lines
  std::map<std::string, Lane, std::less<>> called_;
  std::set<std::string, std::less<>> answering_;
};

}  // namespace slipway::events
