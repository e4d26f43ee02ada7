#include "engine/events/deliverer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "engine/events/http_deliveries.h"
#include "engine/events/rows.h"

namespace slipway::events {

struct Deliverer::Copy {
  std::int64_t notification = 0;
  const Subscription* subscription;  // of the batch: its filter may be long
  OutgoingMessage message;           // into a queue
  HttpDelivery http;                 // to an HTTP subscriber
};

struct Deliverer::Batch {
  std::vector<PublishedNotification> notifications;
  std::map<TopicId, std::vector<Subscription>> subscriptions;
  std::vector<Copy> copies;
};

namespace {

std::map<Channel, std::string> bodies_of(std::string_view text) {
  std::map<Channel, std::string> out;
  const boost::json::value value = boost::json::parse({text.data(), text.size()});
  for (const auto& [channel, body] : value.as_object())
    out.emplace(static_cast<Channel>(channel[0] - '0'), std::string(body.as_string()));
  return out;
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
    if (batch && batch->notifications.empty()) return;
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
  auto rows = tx.query(
      "SELECT seq, topic, id, subject, body, other_bodies, attributes, grp, deduplication, "
      "published FROM events_notification ORDER BY seq LIMIT ?1",
      notifications_per_batch_max);
  std::size_t bytes = 0;
  while (bytes < batch_body_bytes_max && rows.next()) {
    TRY(Attributes attributes, unpack(rows.blob(6)));
    const PublishedNotification& next = out.notifications.emplace_back(
        PublishedNotification{.topic = {std::string(rows.text(1))},
                              .id = std::string(rows.text(2)),
                              .sequence = rows.integer(0),
                              .published = time_of(rows.integer(9)),
                              .notification = {.subject = std::string(rows.text(3)),
                                               .body = std::string(rows.text(4)),
                                               .attributes = std::move(attributes),
                                               .other_bodies = bodies_of(rows.text(5)),
                                               .group = std::string(rows.text(7)),
                                               .deduplication = std::string(rows.text(8))}});
    const auto [subscribers, fresh] = out.subscriptions.try_emplace(next.topic);
    if (fresh) subscribers->second = confirmed_subscribers(tx, next.topic);
    bytes += next.notification.body.size() * std::max<std::size_t>(subscribers->second.size(), 1);
  }
  return out;
}

std::vector<Subscription> Deliverer::confirmed_subscribers(store::Transaction& tx,
                                                           const TopicId& topic) const {
  std::vector<Subscription> out;
  for (Topics::Listed& each : needs_.topics.list_subscriptions(
           tx, topic, {}, 0, static_cast<std::size_t>(subscriptions_per_topic_max)))
    if (each.subscription.state == Subscription::State::confirmed)
      out.push_back(std::move(each.subscription));
  return out;
}

void Deliverer::make_copies(Batch& batch) {
  for (const PublishedNotification& published : batch.notifications)
    for (const Subscription& subscription : batch.subscriptions[published.topic])
      if (lets_through(subscription, published))
        batch.copies.push_back(copy_of(published, subscription));
}

Deliverer::Copy Deliverer::copy_of(const PublishedNotification& published,
                                   const Subscription& subscription) {
  Copy out{.notification = published.sequence, .subscription = &subscription};
  if (subscription.channel == Channel::http) {
    out.http = needs_.envelope.http(published, subscription);
    return out;
  }
  const Notification& notification = published.notification;
  out.message = {.group = notification.group, .deduplication = notification.deduplication};
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
  auto copy = batch.copies.begin();
  for (const PublishedNotification& published : batch.notifications) {
    const bool there =
        tx.run("DELETE FROM events_notification WHERE seq = ?1", published.sequence) > 0;
    for (; copy != batch.copies.end() && copy->notification == published.sequence; ++copy)
      if (there) write_copy(tx, *copy);
  }
  return {};
}

void Deliverer::write_copy(store::Transaction& tx, const Copy& copy) const {
  const Subscription& subscription = *copy.subscription;
  if (subscription.channel == Channel::http) {
    add_delivery(tx, subscription, copy.http, needs_.clock.now());
    tx.on_commit([&wake = needs_.wake_http, id = subscription.id] { wake(id); });
    return;
  }
  const Timestamp now = needs_.clock.now();
  auto queue = needs_.queues.find(tx, {subscription.endpoint});
  if (queue)
    if (auto sent = needs_.queues.send(tx, *queue, copy.message, now); !sent)
      queue = std::unexpected(std::move(sent).error());
  if (!queue) give_up(tx, needs_.queues, subscription, copy.message, queue.error().message, now);
}

void Deliverer::ask_to_confirm(store::Transaction& tx, const Subscription& subscription) const {
  const Timestamp now = needs_.clock.now();
  add_delivery(tx, subscription, needs_.envelope.confirmation(subscription, now), now);
  tx.on_commit([&wake = needs_.wake_http, id = subscription.id] { wake(id); });
}

void give_up(store::Transaction& tx, const Queues& queues, const Subscription& subscription,
             OutgoingMessage message, std::string_view why, Timestamp now) {
  if (!subscription.settings.dead_letters) {
    log_warning("events", "a notification was dropped",
                {{"subscription", subscription.id}, {"why", std::string(why)}});
    return;
  }
  const auto sent = [&]() -> Result<Sent> {
    TRY(const Queue queue, queues.find(tx, *subscription.settings.dead_letters));
    return queues.send(tx, queue, message, now);
  }();
  if (!sent)
    log_warning("events", "a dead letter was dropped",
                {{"subscription", subscription.id}, {"why", sent.error().message}});
}

}  // namespace slipway::events
