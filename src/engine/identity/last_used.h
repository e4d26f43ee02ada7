// When keys of users and roles were used last, and for what. Written behind the requests: a use is
// noted at most once a quarter of an hour for each key and role, and nobody waits for it. What a
// crash takes with it is the note of a use, which the next one makes again.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "engine/identity/principal.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::string_view unknown_region = "N/A";

// When, and for what, a key or a role was used last.
struct Use {
  Timestamp at{};
  std::string service;  // as it is called in signatures
  std::string region;   // kept as unknown_region where it is no name
};

// Of a user's key, by its id, or of a role, by the role's.
std::optional<Use> last_use(store::Transaction& tx, std::string_view account, std::string_view id);
void forget_uses(store::Transaction& tx, std::string_view account, std::string_view id);

// Notes uses and tells of the last. Thread-safe.
class UseBook {
 public:
  static constexpr std::chrono::minutes period{15};
  // Keys and roles that are told apart; what is used beyond them goes unnoted for a while.
  static constexpr std::size_t remembered_max = 20'000;
  // How long it is full without a look at what can go: a look goes through all of them.
  static constexpr std::chrono::minutes sweep_pause{1};

  // `store` outlives it.
  explicit UseBook(store::Store& store) : store_(store) {}

  // Of what signed: a user's long-term key or a role's session. Everyone else's is not kept.
  void note(const Principal& principal, std::string_view access_key_id, Use use, Instant now);

 private:
  bool is_due(const std::string& id, Instant now);

  store::Store& store_;
  std::mutex mutex_;
  std::unordered_map<std::string, Instant> noted_;  // when each was written last
  Instant swept_{};
};

}  // namespace slipway::identity
