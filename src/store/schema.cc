#include "store/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace slipway::store {
namespace {

constexpr std::string_view draft_settings =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192;"
    "PRAGMA temp_store=MEMORY";
// The change of mode is a commit, and its sync is for all that was written before.
constexpr std::string_view draft_seal = "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL";

void migrate_room(DatabaseConnection& connection, std::string_view room,
                  const std::map<int, std::string_view>& steps) {
  Transaction tx(connection);
  int current = 0;
  if (auto rows = tx.query("SELECT version FROM room_version WHERE room=?1", room); rows.next())
    current = static_cast<int>(rows.integer(0));
  const int newest = steps.rbegin()->first;
  if (current == newest) return;
  if (current > newest)
    throw Failure(SQLITE_MISMATCH,
                  fmt::format("room '{}' is at version {}, this slipway knows {}: the data "
                              "directory was written by a newer one",
                              room, current, newest));
  for (const auto& [version, sql] : steps)
    if (version > current) connection.execute_script(sql);
  tx.run("INSERT INTO room_version VALUES(?1,?2) ON CONFLICT(room) DO UPDATE SET version=?2", room,
         newest);
}

}  // namespace

void migrate(DatabaseConnection& connection, std::span<const Migration> migrations) {
  // Rooms in the order in which they are first named: one may stand on the tables of those before.
  std::vector<std::pair<std::string_view, std::map<int, std::string_view>>> rooms;
  for (const Migration& step : migrations) {
    auto room = std::ranges::find(rooms, step.room, [](const auto& each) { return each.first; });
    if (room == rooms.end()) room = rooms.insert(rooms.end(), {step.room, {}});
    room->second[step.version] = step.sql;
  }
  connection.execute("BEGIN IMMEDIATE");
  connection.execute(
      "CREATE TABLE IF NOT EXISTS room_version(room TEXT PRIMARY KEY, version INTEGER NOT NULL)");
  for (const auto& [room, steps] : rooms) migrate_room(connection, room, steps);
  connection.execute("COMMIT");
}

void make_draft(const Opening& draft, std::span<const Migration> migrations,
                const std::function<void(DatabaseConnection&)>& finish) {
  DatabaseConnection connection(draft, FileAccess::read_write);
  connection.execute_script(draft_settings);
  migrate(connection, migrations);
  if (finish) finish(connection);
  connection.execute_script(draft_seal);
}

}  // namespace slipway::store
