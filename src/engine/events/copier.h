// A notification's copies: made for its topic's subscribers, as their filters and settings want
// them, and written into queues and into the rows of what HTTP subscribers are still to get.
//
// Making takes long (a signature half a millisecond, a filter over a body its parsing) and touches
// no store; writing is short and belongs into a change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/events/admission.h"
#include "engine/events/envelope.h"
#include "engine/events/filter.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"
#include "engine/events/unsent.h"
#include "store/store.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t filters_kept_max = 10'000;
inline constexpr std::size_t bare_attributes_max = 10;  // of a message into a queue

// Says how a notification is copied for one subscription, which outlives it: its filter may be
// long.
struct Copy {
  enum class Way : std::uint8_t {
    queue,
    http,
    log,      // to whom nothing is sent
    nowhere,  // too many attributes for a queue: whoever published it is at fault
  };
  const Subscription* subscription;
  Way way = Way::queue;
  OutgoingMessage message = {};
  HttpDelivery http = {};
  UnsentMessage unsent = {};
};

// What a copy holds of its own: its body, with what is around it, and its attributes.
std::size_t bytes_of(const Copy& copy);

// Makes the copies and writes them. Thread-safe. What it is given outlives it.
class Copier {
 public:
  struct Needs {
    const Queues& queues;
    Envelope& envelope;
    const Clock& clock;
    // A subscription has an HTTP delivery to make; called after the commit, on the store's thread.
    std::function<void(const std::string& subscription)> wake_http;
    AskAdmission admission = {};  // what is refused is given up
  };
  explicit Copier(Needs needs) : needs_(std::move(needs)) {}

  // Adds the subscription's copy, where it is confirmed and its filter lets the notification
  // through.
  void make(const PublishedNotification& published, const Subscription& subscription,
            std::vector<Copy>& out) const;
  // Makes the envelope in a copy of a strict topic's notification that had no sequence yet: make()
  // left it out. It is not signed, and so takes little.
  void number(const PublishedNotification& published, Copy& copy) const;

  // What a queue does not take goes to the subscription's dead letters, or nowhere.
  void write(store::Transaction& tx, const PublishedNotification& published,
             const Copy& copy) const;

 private:
  Copy copy_of(const PublishedNotification& published, const Subscription& subscription) const;
  bool lets_through(const Subscription& subscription, const PublishedNotification& published) const;
  std::shared_ptr<const Filter> filter_of(const SubscriptionSettings& settings) const;

  Needs needs_;
  mutable std::mutex mutex_;
  // By scope and text; guarded by mutex_.
  mutable std::map<std::pair<FilterScope, std::string>, std::shared_ptr<const Filter>> filters_;
};

// The queues that topics send to, as far as these take it.
struct TopicQueues {
  const Queues& queues;
  const AskAdmission& admission;
};

// A message for a topic's subscriber that cannot be delivered goes to the subscription's dead
// letters, where these take it, or nowhere.
void give_up(store::Transaction& tx, const TopicQueues& to, const Subscription& subscription,
             const OutgoingMessage& message, std::string_view why, const Moment& now);

}  // namespace slipway::events
