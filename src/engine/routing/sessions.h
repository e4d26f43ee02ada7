// Which instance holds a session: a conversation whose state a container keeps, so that its
// requests must all reach the same instance.
//
// The container names a session and says how long it lives; this is the table of who holds what.
// Every I/O loop reads it; it is in the store too, since instances outlive a killed server.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "base/string_hash.h"
#include "place/place.h"
#include "store/store.h"

namespace slipway::routing {

// Limits.
inline constexpr std::size_t sessions_max = 100'000;  // of all fleets together
inline constexpr std::size_t session_id_bytes_max = 256;
inline constexpr std::chrono::days session_life_max{30};  // whatever a container says

// Thread-safe. A session whose instance is gone is told by the router, not here: it stays until it
// is closed or expires.
class Sessions {
 public:
  // Reads those that lived when the former server ended. `store` and `clock` outlive this object,
  // and the store has done all it was asked before this object goes.
  static Result<std::unique_ptr<Sessions>> open(store::Store& store, const Clock& clock);

  // Notes a session, or who holds it now. `done` is called on the store's writer thread once that
  // is durable: only then may the caller hear of it. limit_exceeded: there are too many, or the id
  // is too long; invalid_argument: it is empty.
  void begin(std::string_view fleet, std::string_view id, std::string_view instance,
             std::chrono::microseconds life, store::Done done);

  // The key of the instance that holds it; nothing where there is no such session, or no more.
  std::optional<std::string> find(std::string_view fleet, std::string_view id) const;

  // Forgets it; nobody waits for that to be durable, since a closed session that a crash brings
  // back is refused by its container. Closing what is not there is fine.
  void end(std::string_view fleet, std::string_view id);

  std::size_t size() const;
  // Civil time, in which a container says when a session ends.
  Timestamp now() const { return clock_.now(); }

  // Refuses further begin(), with unavailable: what was begun before may then be waited for.
  void close();

 private:
  struct Held {
    std::string instance;
    ServerTime expires;
  };
  using Table = std::unordered_map<std::string, Held, StringHash, std::equal_to<>>;

  Sessions(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  Result<> load();
  Result<> admit(const std::string& key);
  void drop(const std::string& key);

  store::Store& store_;
  const Clock& clock_;
  mutable std::shared_mutex mutex_;
  Table table_;  // by fleet and id
  bool closed_ = false;
};

// This room's table.
std::span<const store::Migration> session_migrations();

}  // namespace slipway::routing
