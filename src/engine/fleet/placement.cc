#include "engine/fleet/placement.h"

#include <algorithm>
#include <optional>

namespace slipway::fleet {
namespace {

// Sums of fractions such as 0.1 must not cost the last copy its room.
constexpr double rounding = 1e-9;

class Rooms {
 public:
  explicit Rooms(const Machines& machines) : free_(machines.count, machines.each) {}

  bool take(std::uint32_t machine, const Resources& each) {
    if (machine >= free_.size() || !fits(free_[machine], each)) return false;
    free_[machine].cpus -= each.cpus;
    free_[machine].memory_mib -= each.memory_mib;
    free_[machine].accelerators -= each.accelerators;
    return true;
  }
  void give_back(std::uint32_t machine, const Resources& each) {
    free_[machine].cpus += each.cpus;
    free_[machine].memory_mib += each.memory_mib;
    free_[machine].accelerators += each.accelerators;
  }

  std::optional<std::uint32_t> find(const Claim& claim) const {
    std::vector<std::uint32_t> copies;
    if (claim.spread == Spread::evenly) {
      copies.resize(free_.size());
      for (const std::uint32_t slot : claim.slots) ++copies[slot];
    }
    std::optional<std::uint32_t> best;
    for (std::uint32_t i = 0; i < free_.size(); ++i) {
      if (!fits(free_[i], claim.each)) continue;
      if (claim.spread == Spread::pack) return i;
      if (!best || copies[i] < copies[*best]) best = i;
    }
    return best;
  }

 private:
  static bool fits(const Resources& room, const Resources& each) {
    return each.cpus <= room.cpus + rounding && each.memory_mib <= room.memory_mib &&
           each.accelerators <= room.accelerators + rounding;
  }

  std::vector<Resources> free_;
};

void keep_slots(Rooms& rooms, Claim& claim) {
  std::vector<std::uint32_t> kept;
  for (const std::uint32_t slot : claim.slots)
    if (kept.size() < claim.wanted && rooms.take(slot, claim.each)) kept.push_back(slot);
  claim.slots = std::move(kept);
}

void add_slots(Rooms& rooms, Claim& claim) {
  const bool starts = claim.slots.empty();
  while (claim.slots.size() < claim.wanted) {
    const auto machine = rooms.find(claim);
    if (!machine) break;
    rooms.take(*machine, claim.each);
    claim.slots.push_back(*machine);
  }
  if (!starts || claim.start == Claim::Start::partly || claim.slots.size() == claim.wanted) return;
  for (const std::uint32_t slot : claim.slots) rooms.give_back(slot, claim.each);
  claim.slots.clear();
}

}  // namespace

void place(const Machines& machines, std::span<Claim> claims) {
  Rooms rooms(machines);
  for (Claim& claim : claims) keep_slots(rooms, claim);
  for (Claim& claim : claims) add_slots(rooms, claim);
}

}  // namespace slipway::fleet
