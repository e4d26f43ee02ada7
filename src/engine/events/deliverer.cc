#include "engine/events/deliverer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "base/log.h"
#include "engine/events/http_deliveries.h"
#include "engine/events/rows.h"
#include "engine/events/unsent.h"

namespace slipway::events {

struct Deliverer::Copy {
  const Subscription* subscription;  // of the batch: its filter may be long
  OutgoingMessage message;           // into a queue
  HttpDelivery http;                 // to an HTTP subscriber
  UnsentMessage unsent = {};         // to whom nothing is sent
};

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

// Puts a topic's message into a queue that takes it.
Result<> send_to(store::Transaction& tx, const TopicQueues& to, const QueueId& id,
                 const TopicId& topic, const OutgoingMessage& message, const Moment& now) {
  TRY(const Queue queue, to.queues.find(tx, id));
  if (to.admission && to.admission(queue, topic) == Admission::refused)
    return fail(ErrorCode::permission_denied, "The queue's policy does not let the topic send.");
  if (queue.settings.order == Order::strict || message.deduplication.empty()) {
    TRY_DO(to.queues.send(tx, queue, message, now));
    return {};
  }
  // The order of a strict topic ends where a queue keeps none.
  OutgoingMessage loose = message;
  loose.group.clear();
  loose.deduplication.clear();
  TRY_DO(to.queues.send(tx, queue, loose, now));
  return {};
}

// A queue takes no message of so many attributes; whoever publishes it is at fault, and it goes
// nowhere.
bool is_too_much_for(const Subscription& subscription, const Notification& notification) {
  return subscription.channel == Channel::queue && subscription.settings.form == Form::bare &&
         notification.attributes.size() > bare_attributes_max;
}

std::map<Channel, std::string> bodies_of(std::string_view text) {
  std::map<Channel, std::string> out;
  const boost::json::value value = boost::json::parse({text.data(), text.size()});
  for (const auto& [channel, body] : value.as_object())
    out.emplace(static_cast<Channel>(channel[0] - '0'), std::string(body.as_string()));
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

void Deliverer::make_copies(Batch& batch) {
  for (Piece& piece : batch.pieces)
    for (const auto& [number, subscription] : piece.subscribers)
      if (subscription.state == Subscription::State::confirmed &&
          lets_through(subscription, piece.published)) {
        if (!is_too_much_for(subscription, piece.published.notification))
          piece.copies.push_back(copy_of(piece.published, subscription));
        else
          log_warning("events", "a notification of too many attributes was dropped",
                      {{"subscription", subscription.id}, {"message", piece.published.id}});
      }
}

Deliverer::Copy Deliverer::copy_of(const PublishedNotification& published,
                                   const Subscription& subscription) {
  Copy out{.subscription = &subscription};
  if (is_unsent(subscription.channel)) {
    out.unsent = {.channel = subscription.channel,
                  .endpoint = subscription.endpoint,
                  .id = published.id,
                  .bytes = published.body_for(subscription.channel).size()};
    return out;
  }
  if (subscription.channel == Channel::http) {
    out.http = needs_.envelope.http(published, subscription);
    return out;
  }
  const Notification& notification = published.notification;
  out.message = {.group = notification.group, .deduplication = notification.deduplication};
  if (!notification.trace.empty())
    out.message.system_attributes = {needs_.envelope.trace(notification.trace)};
  if (subscription.settings.form == Form::bare) {
    out.message.body = published.body_for(Channel::queue);
    out.message.attributes = notification.attributes;
  } else {
    out.message.body = needs_.envelope.wrap(published, subscription);
  }
  return out;
}

bool Deliverer::lets_through(const Subscription& subscription,
                             const PublishedNotification& published) {
  const SubscriptionSettings& settings = subscription.settings;
  if (settings.filter.empty()) return true;
  const std::pair key(settings.filter_scope, settings.filter);
  auto found = filters_.find(key);
  if (found == filters_.end()) {
    auto filter = Filter::parse(settings.filter, settings.filter_scope);
    if (!filter) return false;  // the door takes none that cannot be read
    if (filters_.size() >= filters_kept_max) filters_.clear();
    found = filters_.emplace(key, *std::move(filter)).first;
  }
  return found->second.matches(published.notification.attributes,
                               published.body_for(subscription.channel));
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
    for (const Copy& copy : piece.copies) write_copy(tx, copy);
  }
  return {};
}

void Deliverer::write_copy(store::Transaction& tx, const Copy& copy) const {
  const Subscription& subscription = *copy.subscription;
  if (is_unsent(subscription.channel)) {
    tx.on_commit([message = copy.unsent] { log_unsent(message); });
    return;
  }
  if (subscription.channel == Channel::http) {
    add_delivery(tx, subscription, copy.http, needs_.clock.moment());
    tx.on_commit([&wake = needs_.wake_http, id = subscription.id] { wake(id); });
    return;
  }
  const Moment now = needs_.clock.moment();
  const TopicQueues to{.queues = needs_.queues, .admission = needs_.admission};
  const Result<> sent =
      send_to(tx, to, {subscription.endpoint}, subscription.topic, copy.message, now);
  if (!sent) give_up(tx, to, subscription, copy.message, sent.error().message, now);
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

void give_up(store::Transaction& tx, const TopicQueues& to, const Subscription& subscription,
             const OutgoingMessage& message, std::string_view why, const Moment& now) {
  if (!subscription.settings.dead_letters) {
    log_warning("events", "a notification was dropped",
                {{"subscription", subscription.id}, {"why", std::string(why)}});
    return;
  }
  const Result<> sent =
      send_to(tx, to, *subscription.settings.dead_letters, subscription.topic, message, now);
  if (!sent)
    log_warning("events", "a dead letter was dropped",
                {{"subscription", subscription.id}, {"why", sent.error().message}});
}

}  // namespace slipway::events
