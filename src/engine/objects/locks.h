// What keeps a version from being removed: a retention until some time, and a hold without end.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "engine/objects/types.h"
#include "store/store.h"

namespace slipway::objects {

// Whether somebody may be let past a retention before its time: never where it is `compliance`.
enum class RetentionMode : std::uint8_t { governance, compliance };

// Until when a version stays, whoever asks, but for the bypass of a governance.
struct Retention {
  RetentionMode mode = RetentionMode::governance;
  Timestamp until;  // civil time, as it was given
};

// Without an end; whoever may set it may take it off.
enum class LegalHold : std::uint8_t { off, on };

// All that keeps one version; either part alone is enough.
struct Lock {
  std::optional<Retention> retention = {};
  std::optional<LegalHold> hold = {};

  bool empty() const { return !retention && !hold; }
};

// Whether who removes a version was let past its governance.
enum class Governance : std::uint8_t { kept, bypassed };

// Whether the retention still holds for him at that time.
bool holds(const Retention& retention, Timestamp now, Governance governance);

// The lock of a version that was found in this transaction; empty where it never had one.
Lock find_lock(store::Transaction& tx, const Object& object);
// In its place; an empty one takes it away. Who may do that is the caller's to know.
Result<> put_lock(store::Transaction& tx, const Object& object, const Lock& lock);

}  // namespace slipway::objects
