// Copies what was published to the subscribers of its topic: into their queues, and into the rows
// of what HTTP subscribers are still to get (http_deliveries.h).
//
// Reads a batch of notifications, looks at the filters and makes the envelopes on a worker, then
// writes all copies and notes in the same change how far each notification came: a crash before
// that change makes these copies again, one after it does not. A notification with more subscribers
// than a batch has room for takes several; it goes with its last. In the order of publishing within
// a topic; topics have their turns.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/strand.h"
#include "engine/events/admission.h"
#include "engine/events/envelope.h"
#include "engine/events/filter.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"
#include "store/store.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t notifications_per_batch_max = 100;
inline constexpr std::size_t subscribers_per_batch_max = 1'000;  // that are looked at
// Of a batch's bodies, each as often as there are subscribers; one subscriber is always taken.
inline constexpr std::size_t batch_body_bytes_max = 16 << 20;
inline constexpr std::size_t filters_kept_max = 10'000;
inline constexpr std::size_t bare_attributes_max = 10;  // of a message into a queue

// Thread-safe. Everything that it is given outlives it and the workers' tasks: stop the workers
// first.
class Deliverer {
 public:
  struct Needs {
    store::Store& store;
    const Queues& queues;
    const Topics& topics;
    Envelope& envelope;
    const Clock& clock;
    WorkerPool& workers;
    // A subscription has an HTTP delivery to make; called after the commit, on the store's thread.
    std::function<void(const std::string& subscription)> wake_http;
    AskAdmission admission = {};  // what is refused is given up
  };
  explicit Deliverer(Needs needs) : needs_(std::move(needs)), strand_(needs_.workers) {}

  // There may be something to deliver. From any thread; cheap where that was said already.
  void wake();

  // Of a queue that is not there nothing was said.
  Admission admission(store::Transaction& tx, const QueueId& queue, const TopicId& topic) const;

  // In a change that made a pending subscription, or found one: asks its endpoint to confirm,
  // with one request that is not repeated whatever becomes of it; does nothing within
  // confirmation_pause of the last.
  void ask_to_confirm(store::Transaction& tx, const Subscription& subscription) const;

 private:
  struct Copy;
  struct Piece;
  struct Batch;

  void run();
  Result<Batch> read(store::Transaction& tx);
  Result<> read_topic(store::Transaction& tx, const TopicId& topic, Batch& batch) const;
  const std::vector<Topics::Listed>& subscribers(store::Transaction& tx, const TopicId& topic,
                                                 std::int64_t after, Batch& batch) const;
  void make_copies(Batch& batch);
  Copy copy_of(const PublishedNotification& published, const Subscription& subscription);
  bool lets_through(const Subscription& subscription, const PublishedNotification& published);
  Result<> write(store::Transaction& tx, const Batch& batch) const;
  void write_copy(store::Transaction& tx, const Copy& copy) const;

  Needs needs_;
  Strand strand_;
  std::atomic<bool> woken_ = false;
  // The strand's only:
  TopicId last_topic_;  // whose notifications the last batch read last
  // Of policies by scope and text.
  std::map<std::pair<FilterScope, std::string>, Filter> filters_;
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
