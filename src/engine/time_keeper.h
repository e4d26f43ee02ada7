// Keeps a server's time line over restarts (base/clock.h): a row says where it stood when the
// machine's clocks stood where.
#pragma once

#include <chrono>
#include <optional>
#include <span>

#include "base/clock.h"
#include "store/store.h"

namespace slipway::engine {

// How often a running server notes the time. After a boot that was sudden, server time goes on from
// the last note: within a boot any note will do.
inline constexpr std::chrono::seconds time_note_period{60};

// What the last note says; nullopt in a store that never had one.
std::optional<ClockNote> last_note(store::Transaction& tx);
void put_note(store::Transaction& tx, const ClockNote& note);

// Lets `clock` go on from where this store's server time stood, and notes that it does. Before
// anything else looks at the clock.
Result<> keep_time(store::Store& store, SystemClock& clock);

// This room's table.
std::span<const store::Migration> time_migrations();

}  // namespace slipway::engine
