// Copies what was published to the subscribers of its topic (copier.h), where they had no copies in
// the change that published it (publisher.h).
//
// Reads a batch of notifications, looks at the filters and makes the envelopes on a worker, then
// writes all copies and notes in the same change how far each notification came: a crash before
// that change makes these copies again, one after it does not. A notification with more subscribers
// than a batch has room for takes several; it goes with its last. In the order of publishing within
// a topic; topics have their turns.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/strand.h"
#include "engine/events/admission.h"
#include "engine/events/copier.h"
#include "engine/events/envelope.h"
#include "engine/events/publisher.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"
#include "store/store.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t notifications_per_batch_max = 100;
inline constexpr std::size_t subscribers_per_batch_max = 1'000;  // that are looked at
// Of a batch's bodies, each as often as there are subscribers; one subscriber is always taken.
inline constexpr std::size_t batch_body_bytes_max = 16 << 20;

// Copies what waits as rows, in order, until nothing is left. Thread-safe. Everything that it is
// given outlives it and the workers' tasks: stop the workers first.
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
  explicit Deliverer(Needs needs)
      : needs_(std::move(needs)),
        copier_({.queues = needs_.queues,
                 .envelope = needs_.envelope,
                 .clock = needs_.clock,
                 .wake_http = needs_.wake_http,
                 .admission = needs_.admission}),
        publisher_({.store = needs_.store, .topics = needs_.topics, .copier = copier_}),
        strand_(needs_.workers) {}

  // There may be something to deliver. From any thread; cheap where that was said already.
  void wake();

  // For who publishes where copies may be made at once.
  const Publisher& publisher() const { return publisher_; }

  // Of a queue that is not there nothing was said.
  Admission admission(store::Transaction& tx, const QueueId& queue, const TopicId& topic) const;

  // In a change that made a pending subscription, or found one: asks its endpoint to confirm,
  // with one request that is not repeated whatever becomes of it; does nothing within
  // confirmation_pause of the last.
  void ask_to_confirm(store::Transaction& tx, const Subscription& subscription) const;

 private:
  struct Piece;
  struct Batch;

  void run();
  Result<Batch> read(store::Transaction& tx);
  Result<> read_topic(store::Transaction& tx, const TopicId& topic, Batch& batch) const;
  const std::vector<Topics::Listed>& subscribers(store::Transaction& tx, const TopicId& topic,
                                                 std::int64_t after, Batch& batch) const;
  void make_copies(Batch& batch) const;
  Result<> write(store::Transaction& tx, const Batch& batch) const;

  Needs needs_;
  Copier copier_;
  Publisher publisher_;
  Strand strand_;
  std::atomic<bool> woken_ = false;
  TopicId last_topic_;  // the strand's only: whose notifications the last batch read last
};

}  // namespace slipway::events
