#include "engine/time_keeper.h"

#include <string>

namespace slipway::engine {
namespace {

constexpr store::Migration steps[] = {
    {"engine/time", 1,
     "CREATE TABLE engine_time(one INTEGER PRIMARY KEY CHECK(one = 1), server INTEGER NOT NULL,"
     "  civil INTEGER NOT NULL, boot TEXT NOT NULL, since_boot INTEGER NOT NULL);"},
};

}  // namespace

std::optional<ClockNote> last_note(store::Transaction& tx) {
  auto rows = tx.query("SELECT server, civil, boot, since_boot FROM engine_time");
  if (!rows.next()) return std::nullopt;
  return ClockNote{.server = server_time_from(rows.integer(0)),
                   .machine = {.civil = Timestamp(std::chrono::microseconds(rows.integer(1))),
                               .boot = std::string(rows.text(2)),
                               .since_boot = std::chrono::microseconds(rows.integer(3))}};
}

void put_note(store::Transaction& tx, const ClockNote& note) {
  tx.run("INSERT OR REPLACE INTO engine_time VALUES(1, ?1, ?2, ?3, ?4)",
         to_microseconds(note.server), note.machine.civil.time_since_epoch().count(),
         note.machine.boot, note.machine.since_boot.count());
}

Result<> keep_time(store::Store& store, SystemClock& clock) {
  return store.write([&](store::Transaction& tx) -> Result<> {
    if (const auto note = last_note(tx)) clock.go_on_from(*note);
    put_note(tx, clock.note());
    return {};
  });
}

std::span<const store::Migration> time_migrations() { return steps; }

}  // namespace slipway::engine
