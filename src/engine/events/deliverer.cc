#include "engine/events/deliverer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "base/log.h"
#include "engine/events/http_deliveries.h"
#include "engine/events/rows.h"
#include "engine/events/unsent.h"
#include "store/document.h"

namespace slipway::events {

// A notification, and those of its subscribers whose turn it is.
struct Deliverer::Piece {
  PublishedNotification published;
  std::span<const Topics::Listed> subscribers;
  enum class Rest : std::uint8_t { none, more } rest = Rest::none;
  std::vector<Copy> copies = {};
};

struct Deliverer::Batch {
  std::vector<Piece> pieces;
  // Of a topic, after a number.
  std::map<std::pair<TopicId, std::int64_t>, std::vector<Topics::Listed>> subscribers;
  std::size_t looked_at = 0;
  std::size_t body_bytes = 0;

  bool is_full() const {
    return pieces.size() >= notifications_per_batch_max || looked_at >= subscribers_per_batch_max ||
           body_bytes >= batch_body_bytes_max;
  }
  // For how many subscribers more there is room with such a body.
  std::size_t room(std::size_t bytes) const {
    const std::size_t by_number = subscribers_per_batch_max - looked_at;
    const std::size_t by_size =
        (batch_body_bytes_max - body_bytes) / std::max<std::size_t>(bytes, 1);
    return std::min(by_number, std::max<std::size_t>(by_size, 1));
  }
};

namespace {

std::map<Channel, std::string> bodies_of(std::string_view text) {
  using Numbered = std::map<std::uint8_t, std::string>;
  std::map<Channel, std::string> out;
  for (auto& [channel, body] : store::read_own_document<Numbered>("notification", text))
    out.emplace(static_cast<Channel>(channel), std::move(body));
  return out;
}

constexpr std::string_view notification_columns =
    "seq, id, subject, body, other_bodies, attributes, grp, deduplication, published, copied_to, "
    "trace";

Result<PublishedNotification> notification_of(const store::Rows& rows, const TopicId& topic) {
  TRY(Attributes attributes, unpack(rows.blob(5)));
  return PublishedNotification{.topic = topic,
                               .id = std::string(rows.text(1)),
                               .sequence = rows.integer(0),
                               .published = time_of(rows.integer(8)),
                               .notification = {.subject = std::string(rows.text(2)),
                                                .body = std::string(rows.text(3)),
                                                .attributes = std::move(attributes),
                                                .other_bodies = bodies_of(rows.text(4)),
                                                .group = std::string(rows.text(6)),
                                                .deduplication = std::string(rows.text(7)),
                                                .trace = std::string(rows.text(10))}};
}

// The topic after `topic` that has notifications; behind the last comes the first.
std::optional<TopicId> next_topic(store::Transaction& tx, const TopicId& topic) {
  for (const std::string& after : {topic.text, std::string()}) {
    auto rows = tx.query("SELECT min(topic) FROM events_notification WHERE topic > ?1", after);
    if (rows.next() && !rows.is_null(0)) return TopicId{std::string(rows.text(0))};
  }
  return std::nullopt;
}

}  // namespace

void Deliverer::wake() {
  if (woken_.exchange(true)) return;
  strand_.post([this] { run(); });
}

// A batch at a time, so that others of the pool have their turn.
void Deliverer::run() {
  woken_ = false;
  try {
    auto batch = needs_.store.read([&](store::Transaction& tx) { return read(tx); });
    if (batch && batch->pieces.empty()) return;
    Result<> done;
    if (batch) {
      make_copies(*batch);
      done = needs_.store.write([&](store::Transaction& tx) { return write(tx, *batch); });
    } else {
      done = std::unexpected(batch.error());
    }
    if (done) return wake();
    log_error("events", "notifications wait", {{"why", done.error().message}});
  } catch (const std::exception& bug) {
    log_error("events", "notifications wait", {{"why", bug.what()}});
  }
}

Result<Deliverer::Batch> Deliverer::read(store::Transaction& tx) {
  Batch out;
  std::optional<TopicId> first;
  while (!out.is_full()) {
    const auto topic = next_topic(tx, last_topic_);
    if (!topic || topic == first) break;
    if (!first) first = topic;
    last_topic_ = *topic;
    TRY_DO(read_topic(tx, *topic, out));
  }
  return out;
}

// A notification that does not come to its end keeps those behind it waiting.
Result<> Deliverer::read_topic(store::Transaction& tx, const TopicId& topic, Batch& batch) const {
  auto rows = tx.query(fmt::format("SELECT {} FROM events_notification WHERE topic = ?1 "
                                   "ORDER BY seq LIMIT ?2",
                                   notification_columns),
                       topic.text, notifications_per_batch_max);
  while (!batch.is_full() && rows.next()) {
    TRY(PublishedNotification published, notification_of(rows, topic));
    const auto& waiting = subscribers(tx, topic, rows.integer(9), batch);
    const std::size_t bytes = published.notification.body.size();
    const std::size_t count = std::min(waiting.size(), batch.room(bytes));
    const auto rest = count < waiting.size() ? Piece::Rest::more : Piece::Rest::none;
    batch.looked_at += count;
    batch.body_bytes += count * bytes;
    batch.pieces.push_back({.published = std::move(published),
                            .subscribers = std::span(waiting).first(count),
                            .rest = rest});
    if (rest == Piece::Rest::more) break;
  }
  return {};
}

// One more than a batch looks at: whether there are more.
const std::vector<Topics::Listed>& Deliverer::subscribers(store::Transaction& tx,
                                                          const TopicId& topic, std::int64_t after,
                                                          Batch& batch) const {
  const auto [place, fresh] = batch.subscribers.try_emplace({topic, after});
  if (fresh)
    place->second =
        needs_.topics.list_subscriptions(tx, topic, {}, after, subscribers_per_batch_max + 1);
  return place->second;
}

void Deliverer::make_copies(Batch& batch) const {
  for (Piece& piece : batch.pieces)
    for (const auto& [number, subscription] : piece.subscribers)
      copier_.make(piece.published, subscription, piece.copies);
}

// A topic that was deleted in between took its notifications with it.
Result<> Deliverer::write(store::Transaction& tx, const Batch& batch) const {
  for (const Piece& piece : batch.pieces) {
    const std::int64_t seq = piece.published.sequence;
    const bool there = piece.rest == Piece::Rest::none
                           ? tx.run("DELETE FROM events_notification WHERE seq = ?1", seq) > 0
                           : tx.run("UPDATE events_notification SET copied_to = ?2 WHERE seq = ?1",
                                    seq, piece.subscribers.back().number) > 0;
    if (!there) continue;
    for (const Copy& copy : piece.copies) copier_.write(tx, piece.published, copy);
  }
  return {};
}

Admission Deliverer::admission(store::Transaction& tx, const QueueId& queue,
                               const TopicId& topic) const {
  if (!needs_.admission) return Admission::granted;
  const auto found = needs_.queues.find(tx, queue);
  return found ? needs_.admission(*found, topic) : Admission::unsaid;
}

void Deliverer::ask_to_confirm(store::Transaction& tx, const Subscription& subscription) const {
  const Moment now = needs_.clock.moment();
  if (!needs_.topics.may_ask(tx, subscription.id, now)) return;
  if (is_unsent(subscription.channel)) {
    tx.on_commit([subscription] { log_unsent_confirmation(subscription); });
    return;
  }
  add_delivery(tx, subscription, needs_.envelope.confirmation(subscription, now.civil), now);
  tx.on_commit([&wake = needs_.wake_http, id = subscription.id] { wake(id); });
}

}  // namespace slipway::events
