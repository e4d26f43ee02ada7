#include "engine/events/publisher.h"

#include <algorithm>

namespace slipway::events {

std::shared_ptr<const Publisher::Audience> Publisher::audience(const TopicId& id) const {
  auto found = needs_.store.read([&](store::Transaction& tx) -> Result<Audience> {
    TRY(Topic topic, needs_.topics.find(tx, id));
    auto subscribers = needs_.topics.list_subscriptions(tx, id, {}, 0, copies_at_once_max + 1);
    return Audience{.topic = std::move(topic), .subscribers = std::move(subscribers)};
  });
  if (!found || found->subscribers.size() > copies_at_once_max) return nullptr;
  return std::make_shared<const Audience>(*std::move(found));
}

std::optional<Publisher::Ahead> Publisher::copy(const std::shared_ptr<const Audience>& audience,
                                                const Notification& notification,
                                                const Moment& now) const {
  auto name = Topics::name_of(audience->topic, notification);
  if (!name) return std::nullopt;
  Ahead out{.audience = audience,
            .published = {.topic = audience->topic.id,
                          .id = needs_.topics.make_id(),
                          .published = now.civil,
                          .notification = notification},
            .copies = {},
            .room = waiting_->open(audience->topic.id.text, Standing::proven)};
  out.published.notification.deduplication = *std::move(name);
  std::size_t bytes = 0;
  for (const auto& [number, subscription] : audience->subscribers) {
    const std::size_t made = out.copies.size();
    needs_.copier.make(out.published, subscription, out.copies);
    // A strict topic's envelope is made in the change, around the body.
    if (made < out.copies.size())
      bytes += std::max(bytes_of(out.copies.back()),
                        out.published.body_for(subscription.channel).size());
    if (bytes > copied_bytes_at_once_max || !out.room.grow_to(bytes)) return std::nullopt;
  }
  return out;
}

Result<Published> Publisher::publish(store::Transaction& tx, const TopicId& id,
                                     const Notification& notification, const Ahead* ahead,
                                     const Moment& now) const {
  if (!ahead) return needs_.topics.publish(tx, id, notification, now);
  TRY(const Topic topic, needs_.topics.find(tx, id));
  const Topic& known = ahead->audience->topic;
  const bool holds = topic.number == known.number && topic.revision == known.revision;
  if (!holds || needs_.topics.has_backlog(tx, id))
    return needs_.topics.publish(tx, id, notification, now);
  const std::string& name = ahead->published.notification.deduplication;
  if (auto repeated = needs_.topics.find_published(tx, topic, name, now))
    return *std::move(repeated);
  return write(tx, *ahead, now);
}

Published Publisher::write(store::Transaction& tx, const Ahead& ahead, const Moment& now) const {
  const Topic& topic = ahead.audience->topic;
  const std::string& name = ahead.published.notification.deduplication;
  Published out = needs_.topics.publish_copied(tx, topic, ahead.published.id, name, now);
  if (out.sequence == 0) {
    for (const Copy& copy : ahead.copies) needs_.copier.write(tx, ahead.published, copy);
    return out;
  }
  PublishedNotification numbered = ahead.published;
  numbered.sequence = out.sequence;
  for (Copy copy : ahead.copies) {
    needs_.copier.number(numbered, copy);
    needs_.copier.write(tx, numbered, copy);
  }
  return out;
}

}  // namespace slipway::events
