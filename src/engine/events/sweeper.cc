#include "engine/events/sweeper.h"

#include "engine/events/rows.h"

namespace slipway::events {
namespace {

std::vector<std::int64_t> numbers_of(store::Rows rows) {
  std::vector<std::int64_t> out;
  while (rows.next()) out.push_back(rows.integer(0));
  return out;
}

// Returns how many rows went.
std::size_t sweep_box(store::Transaction& tx, std::int64_t box) {
  const auto messages = numbers_of(
      tx.query("SELECT seq FROM events_message WHERE box = ?1 LIMIT ?2", box, swept_rows_max));
  for (const std::int64_t seq : messages) erase_message(tx, seq);
  if (!messages.empty()) return messages.size();
  tx.run("DELETE FROM events_group WHERE box = ?1", box);
  tx.run("DELETE FROM events_attempt WHERE box = ?1", box);
  tx.run("DELETE FROM events_box WHERE number = ?1", box);
  return 1;
}

struct Old {
  std::int64_t seq;
  std::int64_t box;
  std::string group;
};

std::size_t sweep_old(store::Transaction& tx, ServerTime now) {
  std::vector<Old> old;
  {
    // By each queue's own index; `since` is in microseconds, `retention` in seconds.
    auto rows = tx.query(
        "SELECT m.seq, m.box, m.grp FROM events_queue q JOIN events_message m ON m.box = q.box "
        "AND m.since <= ?1 - q.retention * 1000000 LIMIT ?2",
        number_of(now), swept_rows_max);
    while (rows.next())
      old.push_back({rows.integer(0), rows.integer(1), std::string(rows.text(2))});
  }
  for (const Old& each : old) {
    erase_message(tx, each.seq);
    if (each.group.empty()) continue;
    auto group =
        tx.query("SELECT 1 FROM events_group WHERE box = ?1 AND grp = ?2", each.box, each.group);
    if (group.next()) refresh_group(tx, each.box, each.group);
  }
  return old.size();
}

}  // namespace

std::vector<std::string> Sweeper::keys(store::Transaction&) { return {"all"}; }

engine::Wake Sweeper::reconcile(std::string_view, store::Transaction& tx, const Moment& now,
                                engine::Effects& effects) {
  std::size_t swept = sweep_old(tx, now.server);
  for (const std::int64_t box :
       numbers_of(tx.query("SELECT number FROM events_box WHERE dropped <> 0 LIMIT 1")))
    swept += sweep_box(tx, box);
  const std::int64_t forgotten = number_of(now.server - deduplication_time);
  swept += static_cast<std::size_t>(
      tx.run("DELETE FROM events_sent WHERE (owner, scope, name) IN "
             "(SELECT owner, scope, name FROM events_sent WHERE at <= ?1 LIMIT ?2)",
             forgotten, swept_rows_max));
  swept += static_cast<std::size_t>(
      tx.run("DELETE FROM events_attempt WHERE (box, name) IN "
             "(SELECT box, name FROM events_attempt WHERE at <= ?1 LIMIT ?2)",
             forgotten, swept_rows_max));
  swept += static_cast<std::size_t>(
      tx.run("DELETE FROM events_removed_queue WHERE id IN "
             "(SELECT id FROM events_removed_queue WHERE at <= ?1 LIMIT ?2)",
             number_of(now.server - removal_pause), swept_rows_max));
  effects.add([this] { nudge_(); });
  return engine::Wake::after(swept > 0 ? std::chrono::milliseconds(5) : sweep_period);
}

}  // namespace slipway::events
