// Messages of a queue: sent, received, hidden, removed.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "engine/events/queues.h"
#include "engine/events/receipt.h"
#include "engine/events/rows.h"

namespace slipway::events {
namespace {

using std::chrono::seconds;

std::string group_of(store::Transaction& tx, std::int64_t seq) {
  auto rows = tx.query("SELECT grp FROM events_message WHERE seq = ?1", seq);
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

bool is_strict(const Queue& queue) { return queue.settings.order == DeliveryOrder::strict; }

void refresh_group_of(store::Transaction& tx, const Queue& queue, std::string_view group) {
  if (is_strict(queue)) refresh_group(tx, queue.box, group);
}

std::uint64_t size_of(const OutgoingMessage& message) {
  std::uint64_t bytes = message.body.size();
  for (const Attribute& each : message.attributes)
    bytes += each.name.size() + each.type.size() + each.value.size();
  return bytes;
}

// The message that `receipt` names, also where it was received again since.
std::optional<MessagePlace> find_named(store::Transaction& tx, const Queue& queue,
                                       const Receipt& receipt) {
  return receipt.box == queue.box ? find_place(tx, queue.box, receipt.seq) : std::nullopt;
}

// The message that `receipt` names, if it is still the last that was given for it.
std::optional<MessagePlace> find_received(store::Transaction& tx, const Queue& queue,
                                          const Receipt& receipt) {
  const auto place = find_named(tx, queue, receipt);
  return place && place->receives == receipt.receives ? place : std::nullopt;
}

}  // namespace

std::optional<MessagePlace> find_place(store::Transaction& tx, std::int64_t box, std::int64_t seq) {
  auto rows = tx.query(
      fmt::format("SELECT {} FROM events_message WHERE seq = ?1 AND box = ?2", place_columns), seq,
      box);
  if (!rows.next()) return std::nullopt;
  return place_of(rows);
}

std::optional<Sent> find_sent(store::Transaction& tx, const SentName& name, ServerTime now) {
  auto rows = tx.query(
      "SELECT id, seq FROM events_sent WHERE owner = ?1 AND scope = ?2 AND name = ?3 AND at > ?4",
      name.owner, name.scope, name.name, number_of(now - deduplication_time));
  if (!rows.next()) return std::nullopt;
  return Sent{std::string(rows.text(0)), rows.integer(1)};
}

void note_sent(store::Transaction& tx, const SentName& name, const Sent& sent, ServerTime now) {
  tx.run(
      "INSERT INTO events_sent (owner, scope, name, at, id, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT DO UPDATE SET at = ?4, id = ?5, seq = ?6",
      name.owner, name.scope, name.name, number_of(now), sent.id, sent.sequence);
}

void refresh_group(store::Transaction& tx, std::int64_t box, std::string_view group) {
  std::int64_t head = 0;
  std::int64_t ready = 0;
  {
    // As on AWS: what is hidden holds back those behind it, and not those before it.
    auto rows = tx.query(
        "SELECT seq, visible FROM events_message WHERE box = ?1 AND grp = ?2 AND grp <> '' "
        "ORDER BY seq LIMIT 1",
        box, group);
    if (rows.next()) head = rows.integer(0), ready = rows.integer(1);
  }
  if (head == 0)
    tx.run("DELETE FROM events_group WHERE box = ?1 AND grp = ?2", box, group);
  else
    tx.run(
        "INSERT INTO events_group (box, grp, head, ready) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET head = ?3, ready = ?4",
        box, group, head, ready);
}

std::int64_t insert_message(store::Transaction& tx, const MessageRow& row) {
  tx.run(
      "INSERT INTO events_message (box, grp, visible, receives, sent, since, first_received) "
      "VALUES (?1, ?2, ?3, 0, ?4, ?5, 0)",
      row.box, row.group, number_of(row.visible), number_of(row.sent.civil),
      number_of(row.sent.server));
  return tx.last_id();
}

void begin_group(store::Transaction& tx, const MessageRow& row, std::int64_t seq) {
  tx.run(
      "INSERT INTO events_group (box, grp, head, ready) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT DO NOTHING",
      row.box, row.group, seq, number_of(row.visible));
}

void erase_message(store::Transaction& tx, std::int64_t seq) {
  tx.run("DELETE FROM events_message WHERE seq = ?1", seq);
  tx.run("DELETE FROM events_text WHERE seq = ?1", seq);
}

Result<Sent> Queues::send(store::Transaction& tx, const Queue& queue,
                          const OutgoingMessage& message, const Moment& now) const {
  if (size_of(message) > queue.settings.message_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("One or more parameters are invalid. Reason: Message must be shorter "
                            "than {} bytes.",
                            queue.settings.message_bytes_max),
                "too_long");
  const std::string owner = fmt::format("q{}", queue.box);
  std::string name = message.deduplication;
  if (is_strict(queue) && name.empty()) name = sha256_hex(message.body);
  const bool by_group = queue.settings.deduplication_scope == QueueSettings::Scope::group;
  const SentName sent_name{owner, by_group ? std::string_view(message.group) : "", name};
  if (is_strict(queue))
    if (auto sent = find_sent(tx, sent_name, now.server)) return *std::move(sent);

  const seconds delay = message.delay.value_or(queue.settings.delay);
  const MessageRow row{queue.box, message.group, now.server + delay, now};
  const Sent sent{.id = make_uuid(random_), .sequence = insert_message(tx, row)};
  tx.run(
      "INSERT INTO events_text (seq, id, body, attributes, system_attributes, deduplication, "
      "sender, came_from) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '')",
      sent.sequence, sent.id, message.body, store::SqlBlob{pack(message.attributes)},
      store::SqlBlob{pack(message.system_attributes)}, name, message.sender);
  if (is_strict(queue)) {
    begin_group(tx, row, sent.sequence);
    note_sent(tx, sent_name, sent, now.server);
  }
  tell(tx, queue.id);
  return sent;
}

Result<> Queues::remove_message(store::Transaction& tx, const Queue& queue,
                                std::string_view receipt, const Moment& now) const {
  TRY(const Receipt named, receipt_of(queue, receipt));
  // As AWS was recorded to do, but for FIFO queues: any receipt of the message will do.
  const auto place =
      is_strict(queue) ? find_received(tx, queue, named) : find_named(tx, queue, named);
  if (!place) return {};
  if (is_strict(queue) && place->visible <= now.server)
    return fail(ErrorCode::conflict, "The receipt handle has expired", "old_receipt");
  const std::string group = group_of(tx, place->seq);
  erase_message(tx, place->seq);
  refresh_group_of(tx, queue, group);
  if (is_strict(queue)) tell(tx, queue.id);
  return {};
}

Result<> Queues::change_visibility(store::Transaction& tx, const Queue& queue,
                                   std::string_view receipt, seconds visibility,
                                   const Moment& now) const {
  TRY(const Receipt named, receipt_of(queue, receipt));
  // AWS takes any receipt of a message that is still there, but for FIFO queues, also when the
  // message can be received again.
  const auto place =
      is_strict(queue) ? find_received(tx, queue, named) : find_named(tx, queue, named);
  if (!place || (is_strict(queue) && place->visible <= now.server))
    return fail(ErrorCode::conflict, "The message is not in flight.", "not_in_flight");
  if (now.server + visibility > server_time_from(named.received) + hidden_time_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Total VisibilityTimeout for the message is beyond the limit [{} "
                            "seconds]",
                            seconds(hidden_time_max).count()),
                "hidden_too_long");
  tx.run("UPDATE events_message SET visible = ?2 WHERE seq = ?1", place->seq,
         number_of(now.server + visibility));
  refresh_group_of(tx, queue, group_of(tx, place->seq));
  tell(tx, queue.id);
  return {};
}

std::optional<ServerTime> Queues::next_visible(store::Transaction& tx, const Queue& queue,
                                               const Moment& now) const {
  auto rows =
      is_strict(queue)
          ? tx.query("SELECT min(ready) FROM events_group WHERE box = ?1 AND ready > ?2", queue.box,
                     number_of(now.server))
          : tx.query("SELECT min(visible) FROM events_message WHERE box = ?1 AND visible > ?2",
                     queue.box, number_of(now.server));
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  return server_time_from(rows.integer(0));
}

}  // namespace slipway::events
