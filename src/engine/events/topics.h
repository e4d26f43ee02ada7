// Topics: what is published to one is copied to everyone who subscribed and whom its filter lets
// through.
//
// publish() only notes the notification, in the caller's transaction; the copying begins once that
// is durable, on the deliverer's thread (deliverer.h). So a notification is sent if and only if
// what it tells of was committed, and nobody who publishes waits for a subscriber. Who has made the
// copies before, for the few that a topic may have, writes them instead (publisher.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/events/message.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::events {

// Limits.
inline constexpr std::int64_t subscriptions_per_topic_max = 100'000;
// Between two requests to confirm one subscription.
inline constexpr std::chrono::seconds confirmation_pause{60};

// When a delivery that failed is tried again: at once, then `slow` times after delay_min, then with
// delays that grow from delay_min to delay_max, then after delay_max.
struct RetryPolicy {
  std::uint32_t retries = 3;  // in all
  std::uint32_t at_once = 0;
  std::uint32_t at_delay_min = 0;
  std::uint32_t at_delay_max = 0;
  std::chrono::seconds delay_min{20};
  std::chrono::seconds delay_max{20};
  enum class Growth : std::uint8_t {
    linear,
    arithmetic,
    geometric,
    exponential
  } growth = Growth::linear;

  // Before retry `number`, from 0; nothing where there is none more.
  std::optional<std::chrono::milliseconds> delay(std::uint32_t number) const;
  bool operator==(const RetryPolicy&) const = default;
};

// How an HTTP subscriber is delivered to, as far as somebody has said.
struct HttpPolicy {
  std::optional<RetryPolicy> retry = {};
  std::optional<std::uint32_t> per_second = {};  // requests that are begun within a second
  std::string content_type = {};                 // of notifications; empty: the envelope's

  bool operator==(const HttpPolicy&) const = default;
};

// Says what a topic does with what is published to it.
struct TopicSettings {
  DeliveryOrder order = DeliveryOrder::loose;
  Deduplication deduplication = Deduplication::by_name;
  HttpPolicy http = {};  // of subscriptions that say nothing of their own
  enum class Overrides : std::uint8_t { heeded, ignored } overrides = Overrides::heeded;
  // What the door keeps with the topic, without meaning here.
  std::map<std::string, std::string> notes = {};

  bool operator==(const TopicSettings&) const = default;
};

// A topic as it is stored.
struct Topic {
  std::int64_t number = 0;  // never used for another topic, also of the same name
  TopicId id;
  TopicSettings settings;
  Timestamp created;
  std::int64_t revision = 0;  // another one after each change of its settings or subscriptions
};

// By what a topic's tags are kept.
tags::TaggedThing tagged(const TopicId& id);

// Where a subscriber is reached: the id of a queue, the URL of an HTTP server, a telephone number,
// a mail address (for readers, or for programs), or the id of a PushDevice. Stored by number.
enum class Channel : std::uint8_t { queue, http, text, mail, mail_json, device };

// What of a notification a filter looks at.
enum class FilterScope : std::uint8_t { attributes, body };

// What is delivered: the door's envelope with the message in it, or the message as it was
// published.
enum class MessageForm : std::uint8_t { envelope, bare };

// Says what of a topic a subscriber gets, and in which form.
struct SubscriptionSettings {
  std::string filter = {};  // filter.h; empty: everything
  FilterScope filter_scope = FilterScope::attributes;
  MessageForm form = MessageForm::envelope;
  std::optional<QueueId> dead_letters = {};  // gets what cannot be delivered
  HttpPolicy http = {};                      // before the topic's, where that heeds it
  // What the door keeps with the subscription, without meaning here.
  std::map<std::string, std::string> notes = {};

  bool operator==(const SubscriptionSettings&) const = default;
};

// One subscriber of a topic, as it is stored.
struct Subscription {
  std::string id;  // a UUID
  TopicId topic;
  Channel channel = Channel::queue;
  std::string endpoint;  // as its channel has it
  std::string owner;     // the account that subscribed
  enum class State : std::uint8_t { pending, confirmed } state = State::pending;
  std::string token;  // what the subscriber must say to confirm
  SubscriptionSettings settings;
  Timestamp created;
};

// What holds for a subscription of that topic.
HttpPolicy effective_policy(const TopicSettings& topic, const SubscriptionSettings& subscription);

// Says what is published to a topic, once for all subscribers.
struct Notification {
  std::string subject = {};  // empty: none
  std::string body;
  Attributes attributes = {};
  // What some channels get instead of `body`.
  std::map<Channel, std::string> other_bodies = {};
  std::string group = {};          // strict: required
  std::string deduplication = {};  // strict: required, or made from the body
  std::string trace = {};          // handed on to queues: OutgoingMessage::system_attributes' trace
};

// Says what a publisher learns of a notification that the topic took.
struct Published {
  std::string id;             // a UUID, the same for every subscriber
  std::int64_t sequence = 0;  // ascending within a topic; 0: of a loose one, and not needed
};

// Makes topics and subscriptions, and reads their settings. Thread-safe: has no state but what it
// was given.
class Topics {
 public:
  explicit Topics(Random& random) : random_(random) {}

  // `wake` is called after a commit with something to deliver, on the store's thread; it posts. Set
  // before the first publish; without it nobody is woken.
  void on_published(std::function<void()> wake) { published_ = std::move(wake); }

  // already_exists.
  Result<Topic> create(store::Transaction& tx, const TopicId& id, const TopicSettings& settings,
                       const Moment& now) const;
  // not_found, kind "no_topic"; so do all that take an id.
  Result<Topic> find(store::Transaction& tx, const TopicId& id) const;
  Result<> change_settings(store::Transaction& tx, const TopicId& id,
                           const TopicSettings& settings) const;
  // With its subscriptions and all that it had still to deliver. What is not there is removed.
  void remove(store::Transaction& tx, const TopicId& id) const;
  std::vector<TopicId> list(store::Transaction& tx, std::string_view prefix, std::string_view after,
                            std::size_t ids_max) const;

  // Durable when the transaction is, delivered after it. A strict notification that was published
  // within deduplication_time under the same name is not sent again and gives what it gave then.
  Result<Published> publish(store::Transaction& tx, const TopicId& id,
                            const Notification& notification, const Moment& now) const;
  // The name under which a notification is known: of a strict topic's, its own or one made from
  // its text. invalid_argument, kind "no_deduplication", where there is neither.
  static Result<std::string> name_of(const Topic& topic, const Notification& notification);
  // What a strict topic published under that name within deduplication_time.
  std::optional<Published> find_published(store::Transaction& tx, const Topic& topic,
                                          std::string_view name, const Moment& now) const;
  // Of a notification that is yet to be published.
  std::string make_id() const { return make_uuid(random_); }
  // Publishes under `id` what the caller copies in the same change: for a strict topic, takes a
  // sequence and remembers the name.
  Published publish_copied(store::Transaction& tx, const Topic& topic, std::string id,
                           std::string_view name, const Moment& now) const;
  // Whether something that was published waits for the deliverer.
  bool has_backlog(store::Transaction& tx, const TopicId& id) const;

  // The same topic, channel and endpoint: the subscription that is there already.
  Result<Subscription> subscribe(store::Transaction& tx, Subscription wanted,
                                 const Moment& now) const;
  // not_found, kind "no_subscription"; so do all that take a subscription's id.
  Result<Subscription> find_subscription(store::Transaction& tx, std::string_view id) const;
  Result<> change_subscription(store::Transaction& tx, std::string_view id,
                               const SubscriptionSettings& settings) const;
  Result<Subscription> confirm(store::Transaction& tx, const TopicId& topic,
                               std::string_view token) const;
  Result<> unsubscribe(store::Transaction& tx, std::string_view id) const;
  // Whether the endpoint of a pending subscription may be asked to confirm, and notes that it is:
  // not within confirmation_pause of the last time, however often somebody subscribes it again.
  bool may_ask(store::Transaction& tx, std::string_view id, const Moment& now) const;

  struct SubscriptionCounts {
    std::int64_t pending = 0;
    std::int64_t confirmed = 0;
  };
  SubscriptionCounts count(store::Transaction& tx, const TopicId& id) const;
  // Of one topic, or, with an empty topic, of all whose id begins with `place`, "ACCOUNT/REGION/";
  // in the order of subscribing, those after `after` (0: from the first).
  struct Listed {
    std::int64_t number = 0;
    Subscription subscription;
  };
  std::vector<Listed> list_subscriptions(store::Transaction& tx, const TopicId& topic,
                                         std::string_view place, std::int64_t after,
                                         std::size_t subscriptions_max) const;

 private:
  Random& random_;
  std::function<void()> published_ = [] {};
};

}  // namespace slipway::events
