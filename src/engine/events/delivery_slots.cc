#include "engine/events/delivery_slots.h"

namespace slipway::events {

DeliverySlots::Lane DeliverySlots::lane_of(std::string_view subscription) const {
  return answering_.contains(subscription) ? Lane::answering : Lane::doubtful;
}

bool DeliverySlots::has_room(Lane lane) const {
  const std::size_t most = lane == Lane::answering ? answering_slots_max : doubtful_slots_max;
  return slots(lane).used < most && lanes_[0].used + lanes_[1].used < delivery_slots_max;
}

DeliverySlots::Turn DeliverySlots::take(const std::string& subscription, std::int64_t seq) {
  const Lane lane = lane_of(subscription);
  const std::size_t share = lane == Lane::answering ? deliveries_under_way_max : 1;
  const auto own = held_.find(subscription);
  if (own != held_.end() && own->second.size() >= share) return Turn::later;
  if (const auto kept = called_.find(subscription); kept != called_.end()) {
    held_[subscription].emplace(seq, kept->second);
    called_.erase(kept);
    return Turn::now;
  }
  if (standing_.contains(subscription)) return Turn::in_line;
  if (!has_room(lane)) {
    standing_.insert(subscription);
    slots(lane).line.push_back(subscription);
    return Turn::in_line;
  }
  ++slots(lane).used;
  held_[subscription].emplace(seq, lane);
  return Turn::now;
}

bool DeliverySlots::holds(std::string_view subscription, std::int64_t seq) const {
  const auto own = held_.find(subscription);
  return own != held_.end() && own->second.contains(seq);
}

void DeliverySlots::release(std::string_view subscription, std::int64_t seq) {
  const auto own = held_.find(subscription);
  if (own == held_.end()) return;
  const auto slot = own->second.find(seq);
  if (slot == own->second.end()) return;
  --slots(slot->second).used;
  own->second.erase(slot);
  if (own->second.empty()) held_.erase(own);
}

void DeliverySlots::note(const std::string& subscription, Heard heard) {
  if (heard == Heard::nothing) {
    answering_.erase(subscription);
    return;
  }
  if (answering_.size() >= answering_kept_max) answering_.clear();
  answering_.insert(subscription);
}

std::vector<std::string> DeliverySlots::call() {
  std::vector<std::string> out;
  for (const Lane lane : {Lane::answering, Lane::doubtful}) {
    Slots& own = slots(lane);
    for (; !own.line.empty() && has_room(lane); own.line.pop_front()) {
      standing_.erase(own.line.front());
      if (!called_.emplace(own.line.front(), lane).second) continue;
      ++own.used;
      out.push_back(own.line.front());
    }
  }
  return out;
}

void DeliverySlots::decline(std::string_view subscription) {
  const auto kept = called_.find(subscription);
  if (kept == called_.end()) return;
  --slots(kept->second).used;
  called_.erase(kept);
}

}  // namespace slipway::events
