// Durable queues: a message that was sent is there until it is removed, moved to the dead letters,
// or older than its queue keeps messages.
//
// Everything is a function over a transaction that the caller opened: send() in the same change as
// the caller's own rows, so that both are there or neither. Who waits for messages waits in
// engine::Changes for topic_of(queue), which moves after each commit that could give it something.
//
// What is hidden, kept or remembered for a while is so on the server's time line: whoever sets the
// machine's clock shows nothing early, hides nothing longer and drops nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/changes.h"
#include "engine/events/message.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t receive_messages_max = 10;
// In flight: received and neither removed nor visible again.
inline constexpr std::int64_t in_flight_max = 120'000;
// Between two counts of them, for a queue that is at its limit.
inline constexpr std::chrono::milliseconds in_flight_count_pause{1'000};
// How long a repeated strict send, and a repeated receive, is known.
inline constexpr std::chrono::minutes deduplication_time{5};
inline constexpr std::chrono::seconds purge_pause{60};
// After a queue was removed, until another may have its name.
inline constexpr std::chrono::seconds removal_pause{60};
inline constexpr std::size_t headrooms_kept_max = 10'000;
inline constexpr std::chrono::hours hidden_time_max{12};
// Messages that one receive drops (too old) or moves (dead letters) on its way to those it gives.
inline constexpr std::size_t dropped_per_receive_max = 100;

// Where a message goes that was received `receives_max` times and is still there.
struct DeadLetters {
  QueueId queue;
  std::uint32_t receives_max = 1;
  bool operator==(const DeadLetters&) const = default;
};

// Says what a queue does with the messages that are sent to it.
struct QueueSettings {
  DeliveryOrder order = DeliveryOrder::loose;
  std::chrono::seconds visibility{30};  // how long a received message is hidden
  std::chrono::seconds delay{0};        // how long a new one is
  std::chrono::seconds retention{345'600};
  std::chrono::seconds wait{0};  // of a receive that finds nothing and says no time
  std::uint32_t message_bytes_max = 1 << 20;
  Deduplication deduplication = Deduplication::by_name;
  enum class Scope : std::uint8_t { queue, group } deduplication_scope = Scope::queue;
  std::optional<DeadLetters> dead_letters = {};
  // What the door keeps with the queue, without meaning here.
  std::map<std::string, std::string> notes = {};

  bool operator==(const QueueSettings&) const = default;
};

// A queue as it is stored.
struct Queue {
  QueueId id;
  std::int64_t box = 0;  // holds its messages; another one after each purge
  QueueSettings settings;
  Timestamp created;
  Timestamp modified;
  ServerTime purged;  // the epoch: never
};

// A message that is sent.
struct OutgoingMessage {
  std::string body;
  Attributes attributes = {};
  Attributes system_attributes = {};               // those of the door ("AWSTraceHeader")
  std::optional<std::chrono::seconds> delay = {};  // else the queue's
  std::string group = {};                          // strict: required
  std::string deduplication = {};                  // strict: required, or made from the body
  std::string sender = {};
};

// Says what a sender learns of a message that the queue took.
struct Sent {
  std::string id;
  std::int64_t sequence = 0;  // ascending within a queue
};

// A message that a receive gave, hidden from others until it is removed or shown again.
struct ReceivedMessage {
  std::string id;
  std::string receipt;
  std::int64_t sequence = 0;
  std::string body;
  Attributes attributes;
  Attributes system_attributes;
  std::string group;
  std::string deduplication;
  std::string sender;
  std::string came_from;  // QueueId of the queue that it is a dead letter of, or empty
  Timestamp sent;
  Timestamp first_received;
  std::uint32_t receives = 0;  // of a dead letter: also those before it became one
};

// Says how many messages a receive takes, and how.
struct ReceiveRequest {
  std::size_t messages_max = 1;
  std::optional<std::chrono::seconds> visibility = {};  // else the queue's
  std::string attempt = {};  // strict: a repeated attempt of this name gets the same messages again
  // What a receive comes to while in_flight_max messages are out; strict: always nothing.
  enum class AtLimit : std::uint8_t { error, nothing } at_limit = AtLimit::error;
};

// Approximate only in that they may be old when they are read.
struct QueueCounts {
  std::int64_t visible = 0;
  std::int64_t in_flight = 0;
  std::int64_t delayed = 0;
};

// By what a queue's tags are kept.
tags::TaggedThing tagged(const QueueId& id);

// "events/queue/<id>" of engine::Changes.
std::string topic_of(const QueueId& id);

// Makes queues, and sends, gives out and removes their messages. Thread-safe; what it is given
// outlives it.
class Queues {
 public:
  Queues(Random& random, engine::Changes& changes) : random_(random), changes_(changes) {}

  // already_exists; conflict, kind "removed_lately", within removal_pause of remove().
  Result<Queue> create(store::Transaction& tx, const QueueId& id, const QueueSettings& settings,
                       const Moment& now) const;
  // not_found, kind "no_queue"; so do all that take an id.
  Result<Queue> find(store::Transaction& tx, const QueueId& id) const;
  Result<> change_settings(store::Transaction& tx, const Queue& queue,
                           const QueueSettings& settings, const Moment& now) const;
  // Its messages and tags are gone at once, the rows of its messages are swept later.
  Result<> remove(store::Transaction& tx, const QueueId& id, const Moment& now) const;

  // By id, those after `after` that begin with `prefix`; one more than asked for says that there
  // are more.
  std::vector<QueueId> list(store::Transaction& tx, std::string_view prefix, std::string_view after,
                            std::size_t ids_max) const;
  // Whose dead letters go to `id`.
  std::vector<QueueId> list_sources(store::Transaction& tx, const QueueId& id,
                                    std::string_view after, std::size_t ids_max) const;
  QueueCounts count(store::Transaction& tx, const Queue& queue, const Moment& now) const;

  // Durable when the transaction is. A strict message that was sent before under the same name
  // gives what it gave then.
  Result<Sent> send(store::Transaction& tx, const Queue& queue, const OutgoingMessage& message,
                    const Moment& now) const;

  // Hides what it returns until now + visibility. Dead letters leave on the way. limit_exceeded,
  // kind "in_flight", where too many are out already (AtLimit).
  Result<std::vector<ReceivedMessage>> receive(store::Transaction& tx, const Queue& queue,
                                               const ReceiveRequest& request,
                                               const Moment& now) const;
  // When the next hidden message will be visible, for who found nothing.
  std::optional<ServerTime> next_visible(store::Transaction& tx, const Queue& queue,
                                         const Moment& now) const;

  // Removing what is removed already does nothing; strict: nor what was received again since under
  // another receipt. invalid_argument, kind "bad_receipt"; strict: kind "old_receipt" after its
  // visibility ended.
  Result<> remove_message(store::Transaction& tx, const Queue& queue, std::string_view receipt,
                          const Moment& now) const;
  // Hidden until now + visibility; zero: visible at once. conflict, kind "not_in_flight";
  // invalid_argument, kind "hidden_too_long", past hidden_time_max since it was received.
  Result<> change_visibility(store::Transaction& tx, const Queue& queue, std::string_view receipt,
                             std::chrono::seconds visibility, const Moment& now) const;
  // Sends the message `seq` of one queue to another, as a new message with the same content.
  void send_on(store::Transaction& tx, std::int64_t seq, const Queue& from, const Queue& to,
               const Moment& now) const;
  // conflict, kind "purging", within purge_pause of the last. What was there is gone at once; its
  // rows are swept later.
  Result<> purge(store::Transaction& tx, const Queue& queue, const Moment& now) const;

 private:
  class Receiving;
  struct Move {
    std::int64_t seq;
    std::uint32_t receives;
    Moment sent;
    const Queue* from;
    const Queue* to;
  };

  // To the end of another queue, not received there yet.
  void move(store::Transaction& tx, const Move& move, const Moment& now) const;
  void tell(store::Transaction& tx, const QueueId& id) const;
  Result<> check_in_flight(store::Transaction& tx, const Queue& queue, std::size_t messages,
                           const Moment& now) const;

  Random& random_;
  engine::Changes& changes_;
  // How many more messages of a queue may surely be received before they must be counted again.
  mutable std::mutex mutex_;
  struct Headroom {
    std::int64_t messages = 0;
    ServerTime count_after;
  };
  mutable std::unordered_map<std::int64_t, Headroom> headroom_;
};

std::span<const store::Migration> migrations();

}  // namespace slipway::events
