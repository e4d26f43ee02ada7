// How a notification looks to a subscriber: given by the door, since engines know no format of any
// outside world.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/events/topics.h"

namespace slipway::events {

// A notification on its way to its topic's subscribers.
struct PublishedNotification {
  TopicId topic;
  std::string id;
  std::int64_t sequence = 0;
  Timestamp published;
  Notification notification;

  const std::string& body_for(Channel channel) const {
    const auto own = notification.other_bodies.find(channel);
    return own == notification.other_bodies.end() ? notification.body : own->second;
  }
};

// A request to an HTTP subscriber.
struct HttpDelivery {
  std::vector<std::pair<std::string, std::string>> head;
  std::string body;
};

// Puts a notification into the form that a subscriber gets. Thread-safe: called on the workers and
// in transactions. Waits for nothing.
class Envelope {
 public:
  virtual ~Envelope() = default;

  // The message with everything around it, for a subscriber that did not ask for the bare one.
  virtual std::string wrap(const PublishedNotification& published,
                           const Subscription& subscription) = 0;
  // A notification's trace as an attribute that a queue keeps beside a message.
  virtual Attribute trace(const std::string& trace) const = 0;
  virtual HttpDelivery http(const PublishedNotification& published,
                            const Subscription& subscription) = 0;
  // What asks an HTTP subscriber to confirm.
  virtual HttpDelivery confirmation(const Subscription& subscription, Timestamp now) = 0;
};

}  // namespace slipway::events
