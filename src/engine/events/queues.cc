// Queues as rows; their messages are in queue_messages.cc.
#include "engine/events/queues.h"

#include <fmt/format.h>

#include "engine/events/rows.h"
#include "store/document.h"

namespace slipway::events {

// Dead letters are two fields, or none.
template <typename Visitor>
void fields(Visitor& field, store::Of<QueueSettings> auto& settings) {
  field("order", store::numbered(settings.order, DeliveryOrder::strict));
  field("visibility", settings.visibility);
  field("delay", settings.delay);
  field("retention", settings.retention);
  field("wait", settings.wait);
  field("message_bytes_max", settings.message_bytes_max);
  field("deduplication", store::numbered(settings.deduplication, Deduplication::by_content));
  field("scope", store::numbered(settings.deduplication_scope, QueueSettings::Scope::group));
  field("notes", settings.notes);
  DeadLetters dead_letters = settings.dead_letters.value_or(DeadLetters{{}, 0});
  field("dead_letters", dead_letters.queue, store::Presence::if_any);
  field("receives_max", dead_letters.receives_max, store::Presence::if_any);
  if constexpr (Visitor::reads)
    if (!dead_letters.queue.text.empty()) settings.dead_letters = std::move(dead_letters);
}

namespace {

using std::chrono::seconds;

constexpr std::string_view queue_columns = "id, box, settings, created, modified, purged";

std::optional<std::string> dead_letters_of(const QueueSettings& settings) {
  if (!settings.dead_letters) return std::nullopt;
  return settings.dead_letters->queue.text;
}

std::int64_t new_box(store::Transaction& tx) {
  tx.run("INSERT INTO events_box DEFAULT VALUES");
  return tx.last_id();
}

void drop_box(store::Transaction& tx, std::int64_t box) {
  tx.run("UPDATE events_box SET dropped = 1 WHERE number = ?1", box);
}

std::int64_t count_where(store::Transaction& tx, std::string_view condition, std::int64_t box,
                         ServerTime now) {
  auto rows =
      tx.query(fmt::format("SELECT count(*) FROM events_message WHERE box = ?1 AND {}", condition),
               box, number_of(now));
  return rows.next() ? rows.integer(0) : 0;
}

std::vector<QueueId> ids_of(store::Rows rows) {
  std::vector<QueueId> out;
  while (rows.next()) out.push_back({std::string(rows.text(0))});
  return out;
}

bool was_removed_lately(store::Transaction& tx, const QueueId& id, ServerTime now) {
  auto rows = tx.query("SELECT 1 FROM events_removed_queue WHERE id = ?1 AND at > ?2", id.text,
                       number_of(now - removal_pause));
  return rows.next();
}

}  // namespace

tags::TaggedThing tagged(const QueueId& id) { return tagged_as("queue", id.text); }

std::string topic_of(const QueueId& id) { return "events/queue/" + id.text; }

Result<Queue> Queues::create(store::Transaction& tx, const QueueId& id,
                             const QueueSettings& settings, const Moment& now) const {
  if (find(tx, id))
    return fail(ErrorCode::already_exists, fmt::format("The queue '{}' exists.", id.text));
  if (was_removed_lately(tx, id, now.server))
    return fail(ErrorCode::conflict,
                fmt::format("A queue '{}' was removed within the last {} seconds.", id.text,
                            removal_pause.count()),
                "removed_lately");
  const std::int64_t box = new_box(tx);
  tx.run(
      "INSERT INTO events_queue (id, box, settings, dead_letters, retention, created, modified, "
      "purged) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0)",
      id.text, box, store::write_document(settings), dead_letters_of(settings),
      settings.retention.count(), number_of(now.civil));
  return Queue{.id = id,
               .box = box,
               .settings = settings,
               .created = now.civil,
               .modified = now.civil,
               .purged = {}};
}

Result<Queue> Queues::find(store::Transaction& tx, const QueueId& id) const {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM events_queue WHERE id = ?1", queue_columns), id.text);
  if (!rows.next())
    return fail(ErrorCode::not_found, fmt::format("There is no queue '{}'.", id.text), "no_queue");
  return Queue{.id = {std::string(rows.text(0))},
               .box = rows.integer(1),
               .settings = store::read_own_document<QueueSettings>("queue", rows.text(2)),
               .created = time_of(rows.integer(3)),
               .modified = time_of(rows.integer(4)),
               .purged = server_time_from(rows.integer(5))};
}

Result<> Queues::change_settings(store::Transaction& tx, const Queue& queue,
                                 const QueueSettings& settings, const Moment& now) const {
  tx.run(
      "UPDATE events_queue SET settings = ?2, dead_letters = ?3, retention = ?4, modified = ?5 "
      "WHERE id = ?1",
      queue.id.text, store::write_document(settings), dead_letters_of(settings),
      settings.retention.count(), number_of(now.civil));
  return {};
}

Result<> Queues::remove(store::Transaction& tx, const QueueId& id, const Moment& now) const {
  TRY(const Queue queue, find(tx, id));
  tx.run("DELETE FROM events_queue WHERE id = ?1", id.text);
  tags::erase_all(tx, tagged(id));
  tx.run("DELETE FROM events_move WHERE source = ?1", id.text);
  tx.run("INSERT OR REPLACE INTO events_removed_queue (id, at) VALUES (?1, ?2)", id.text,
         number_of(now.server));
  drop_box(tx, queue.box);
  tell(tx, id);
  return {};
}

Result<> Queues::purge(store::Transaction& tx, const Queue& queue, const Moment& now) const {
  if (queue.purged > ServerTime{} && now.server < queue.purged + purge_pause)
    return fail(
        ErrorCode::conflict,
        fmt::format("The queue was emptied within the last {} seconds.", purge_pause.count()),
        "purging");
  tx.run("UPDATE events_queue SET box = ?2, purged = ?3 WHERE id = ?1", queue.id.text, new_box(tx),
         number_of(now.server));
  drop_box(tx, queue.box);
  return {};
}

std::vector<QueueId> Queues::list(store::Transaction& tx, std::string_view prefix,
                                  std::string_view after, std::size_t ids_max) const {
  return ids_of(
      tx.query("SELECT id FROM events_queue WHERE id >= max(?1, ?2) AND id < ?3 AND id <> ?2 "
               "ORDER BY id LIMIT ?4",
               prefix, after, end_of(prefix), ids_max));
}

std::vector<QueueId> Queues::list_sources(store::Transaction& tx, const QueueId& id,
                                          std::string_view after, std::size_t ids_max) const {
  return ids_of(tx.query(
      "SELECT id FROM events_queue WHERE dead_letters = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
      id.text, after, ids_max));
}

std::int64_t count_in_flight(store::Transaction& tx, std::int64_t box, ServerTime now) {
  return count_where(tx, "visible > ?2 AND receives > 0", box, now);
}

QueueCounts Queues::count(store::Transaction& tx, const Queue& queue, const Moment& now) const {
  const std::int64_t in_flight = count_in_flight(tx, queue.box, now.server);
  const std::int64_t delayed =
      count_where(tx, "visible > ?2 AND receives = 0", queue.box, now.server);
  auto rows = tx.query("SELECT messages FROM events_box WHERE number = ?1", queue.box);
  const std::int64_t all = rows.next() ? rows.integer(0) : 0;
  return {.visible = all - in_flight - delayed, .in_flight = in_flight, .delayed = delayed};
}

void Queues::tell(store::Transaction& tx, const QueueId& id) const {
  tx.on_commit([&changes = changes_, topic = topic_of(id)] { changes.notify(topic); });
}

}  // namespace slipway::events
