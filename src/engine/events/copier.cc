#include "engine/events/copier.h"

#include "base/log.h"
#include "engine/events/http_deliveries.h"

namespace slipway::events {
namespace {

// Puts a topic's message into a queue that takes it.
Result<> send_to(store::Transaction& tx, const TopicQueues& to, const QueueId& id,
                 const TopicId& topic, const OutgoingMessage& message, const Moment& now) {
  TRY(const Queue queue, to.queues.find(tx, id));
  if (to.admission && to.admission(queue, topic) == Admission::refused)
    return fail(ErrorCode::permission_denied, "The queue's policy does not let the topic send.");
  if (queue.settings.order == DeliveryOrder::strict || message.deduplication.empty()) {
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

Copy::Way way_to(const Subscription& subscription, const Notification& notification) {
  if (is_unsent(subscription.channel)) return Copy::Way::log;
  if (subscription.channel == Channel::http) return Copy::Way::http;
  const bool too_many = subscription.settings.form == MessageForm::bare &&
                        notification.attributes.size() > bare_attributes_max;
  return too_many ? Copy::Way::nowhere : Copy::Way::queue;
}

// Whether all is known that an envelope says: only those of a strict topic say their sequence.
bool is_numbered(const PublishedNotification& published) {
  return published.sequence > 0 || published.notification.deduplication.empty();
}

void log_dropped(const Subscription& subscription, const PublishedNotification& published) {
  log_warning("events", "a notification of too many attributes was dropped",
              {{"subscription", subscription.id}, {"message", published.id}});
}

}  // namespace

std::size_t bytes_of(const Copy& copy) {
  std::size_t bytes = copy.message.body.size() + copy.http.body.size();
  for (const Attribute& each : copy.message.attributes)
    bytes += each.name.size() + each.type.size() + each.value.size();
  return bytes;
}

void Copier::make(const PublishedNotification& published, const Subscription& subscription,
                  std::vector<Copy>& out) const {
  if (subscription.state == Subscription::State::confirmed && lets_through(subscription, published))
    out.push_back(copy_of(published, subscription));
}

Copy Copier::copy_of(const PublishedNotification& published,
                     const Subscription& subscription) const {
  const Notification& notification = published.notification;
  Copy out{.subscription = &subscription, .way = way_to(subscription, notification)};
  if (out.way == Copy::Way::log)
    out.unsent = {.channel = subscription.channel,
                  .endpoint = subscription.endpoint,
                  .id = published.id,
                  .bytes = published.body_for(subscription.channel).size()};
  if (out.way == Copy::Way::http) out.http = needs_.envelope.http(published, subscription);
  if (out.way != Copy::Way::queue) return out;
  out.message = {.group = notification.group, .deduplication = notification.deduplication};
  if (!notification.trace.empty())
    out.message.system_attributes = {needs_.envelope.trace(notification.trace)};
  if (subscription.settings.form == MessageForm::bare) {
    out.message.body = published.body_for(Channel::queue);
    out.message.attributes = notification.attributes;
  } else if (is_numbered(published)) {
    out.message.body = needs_.envelope.wrap(published, subscription);
  }
  return out;
}

void Copier::number(const PublishedNotification& published, Copy& copy) const {
  if (copy.way == Copy::Way::queue && copy.subscription->settings.form == MessageForm::envelope)
    copy.message.body = needs_.envelope.wrap(published, *copy.subscription);
}

bool Copier::lets_through(const Subscription& subscription,
                          const PublishedNotification& published) const {
  if (subscription.settings.filter.empty()) return true;
  const auto filter = filter_of(subscription.settings);
  return filter && filter->matches(published.notification.attributes,
                                   published.body_for(subscription.channel));
}

// Null where it cannot be read; the door takes none such.
std::shared_ptr<const Filter> Copier::filter_of(const SubscriptionSettings& settings) const {
  const std::pair key(settings.filter_scope, settings.filter);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = filters_.find(key); found != filters_.end()) return found->second;
  }
  auto read = Filter::parse(settings.filter, settings.filter_scope);
  if (!read) return nullptr;
  auto filter = std::make_shared<const Filter>(*std::move(read));
  const std::scoped_lock lock(mutex_);
  if (filters_.size() >= filters_kept_max) filters_.clear();
  filters_.emplace(key, filter);
  return filter;
}

void Copier::write(store::Transaction& tx, const PublishedNotification& published,
                   const Copy& copy) const {
  const Subscription& subscription = *copy.subscription;
  if (copy.way == Copy::Way::nowhere) return log_dropped(subscription, published);
  if (copy.way == Copy::Way::log) {
    tx.on_commit([message = copy.unsent] { log_unsent(message); });
    return;
  }
  const Moment now = needs_.clock.moment();
  if (copy.way == Copy::Way::http) {
    add_delivery(tx, subscription, copy.http, now);
    tx.on_commit([&wake = needs_.wake_http, id = subscription.id] { wake(id); });
    return;
  }
  const TopicQueues to{.queues = needs_.queues, .admission = needs_.admission};
  const Result<> sent =
      send_to(tx, to, {subscription.endpoint}, subscription.topic, copy.message, now);
  if (!sent) give_up(tx, to, subscription, copy.message, sent.error().message, now);
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
