// From where the owners of keys send.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/clock.h"

namespace slipway::service {

// Remembers from which addresses good signatures of which keys came lately. The id of a key is no
// secret: who only names one is told by this from its owner, whose next body can be proven by its
// last byte alone. Thread-safe. A pair is remembered for at least known_sender_age, or until
// known_senders_max others came.
class KnownSenders {
 public:
  static constexpr std::size_t known_senders_max = 16'384;
  static constexpr std::chrono::minutes known_sender_age{30};

  void note(std::string_view access_key_id, std::string_view address, Instant now);
  bool knows(std::string_view access_key_id, std::string_view address, Instant now);

 private:
  void turn(Instant now);

  std::mutex mutex_;
  // Guarded by mutex_: what came since turned_at_, and in the time before.
  std::unordered_set<std::string> young_;
  std::unordered_set<std::string> old_;
  Instant turned_at_{};
};

}  // namespace slipway::service
