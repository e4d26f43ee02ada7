#include "service/known_senders.h"

#include <utility>

namespace slipway::service {
namespace {

std::string pair_of(std::string_view access_key_id, std::string_view address) {
  std::string pair(access_key_id);
  pair += ' ';
  pair += address;
  return pair;
}

}  // namespace

// Two generations in place of a time for each pair: the older is dropped as a whole.
void KnownSenders::turn(Instant now) {
  const auto age = now - turned_at_;
  if (age < known_sender_age && young_.size() < known_senders_max) return;
  old_ = std::exchange(young_, {});
  if (age >= 2 * known_sender_age) old_.clear();
  turned_at_ = now;
}

void KnownSenders::note(std::string_view access_key_id, std::string_view address, Instant now) {
  const std::lock_guard lock(mutex_);
  turn(now);
  young_.insert(pair_of(access_key_id, address));
}

bool KnownSenders::knows(std::string_view access_key_id, std::string_view address, Instant now) {
  const std::lock_guard lock(mutex_);
  turn(now);
  const std::string pair = pair_of(access_key_id, address);
  return young_.contains(pair) || old_.contains(pair);
}

}  // namespace slipway::service
