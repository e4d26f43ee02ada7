// Durable queues in front of fleets: requests that are accepted now and answered later, each with
// exactly one result that anyone can see.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/invocation_queue/queue_types.h"
#include "engine/invocation_queue/request_sender.h"
#include "engine/objects/objects.h"
#include "engine/reconciler.h"
#include "engine/routing/routes.h"
#include "store/store.h"

namespace slipway::invocation_queue {

// Limits.
inline constexpr std::int64_t queued_max = 1'000'000;  // requests of one queue
inline constexpr std::uint32_t queue_concurrency_max = 1000;
inline constexpr unsigned deliveries_max = 3;  // instances that may end under one request
// What one run of the reconciler sends, and what it settles without sending.
inline constexpr std::size_t sent_per_run_max = 256;
inline constexpr std::size_t settled_per_run_max = 256;
// Answers that wait for their commit, over all queues; while there are more, nothing is sent.
inline constexpr std::size_t completing_max = 256;
// After an instance ended under a request, after nothing took it, after a commit failed.
inline constexpr std::chrono::milliseconds delivery_retry_delay{500};
// How long a request under which an instance ended lets all others go first.
inline constexpr std::chrono::seconds suspect_patience{60};

// This room's tables of queues.
std::span<const store::Migration> queue_migrations();

// What the door that owns the queues adds to a result, in its clients' words.
class QueueDoor {
 public:
  virtual ~QueueDoor() = default;

  // Whether a request's input may be read now, and what comes of it be stored as `name`, for
  // whomever that is done. permission_denied: the request fails, or nothing is stored. On the
  // store's writer.
  virtual Result<> may_read(store::Transaction& tx, const QueuedRequest& request) const = 0;
  virtual Result<> may_store(store::Transaction& tx, const QueuedRequest& request,
                             const objects::ObjectName& name) const = 0;

  // What stands in the failure object where no instance answered. On the store's writer.
  virtual std::string failure_text(const Settled& settled) const = 0;

  // Tells whoever wants to know, within the transaction that settles the request. On the store's
  // writer; does not throw for what can be expected.
  virtual void announce(store::Transaction& tx, const Settled& settled) = 0;
};

// What a door holds to open, change and close queues, each in a transaction of its own. Has no
// state but the hook.
class InvocationQueues {
 public:
  // `changed` is called once a change is durable: it wakes the reconciler (RequestQueues::wake).
  explicit InvocationQueues(std::function<void(InvocationQueueId)> changed)
      : changed_(std::move(changed)) {}

  // Opens a queue for the fleet, or changes the one that is open. invalid_argument where
  // `concurrency` is not 1 to queue_concurrency_max.
  Result<> put(store::Transaction& tx, std::string_view fleet,
               const InvocationQueueSettings& settings) const;
  // Notes settings for the fleet's open queue: it has them from the time on when requests go to
  // that generation, and never where that does not come up. invalid_argument as put(); none open is
  // fine.
  Result<> put_next(store::Transaction& tx, std::string_view fleet,
                    const NextQueueSettings& next) const;
  // The queue takes no more requests and those that wait fail as `closed`. None open is fine.
  void close(store::Transaction& tx, std::string_view fleet) const;

  // The open queue of a fleet.
  static std::optional<InvocationQueue> find(store::Transaction& tx, std::string_view fleet);
  // As find(), in a transaction that writes: with the settings of the generation that requests go
  // to now.
  static std::optional<InvocationQueue> find_current(store::Transaction& tx, std::string_view fleet,
                                                     const routing::RouteTable& routes);
  // Gives a queue what was noted for the generation that requests go to; while traffic is divided,
  // to the oldest.
  static void bring_up_to_date(store::Transaction& tx, InvocationQueue& queue,
                               const routing::RouteTable& routes);
  // How full that is, in a snapshot; nothing where there is none.
  static std::optional<Backlog> backlog(store::Transaction& tx, std::string_view fleet,
                                        ServerTime now);

 private:
  std::function<void(InvocationQueueId)> changed_;
};

// Drives the queues. A request is a row from acceptance until its result, and settling it is one
// transaction: the result object, the announcement and the end of the row. What is under way is
// known in memory alone; after a crash every row that is left is sent (again), so that an instance
// may see a request twice and a client never sees two results.
//
// Sent again: a request that no instance took, or under which an instance ended (deliveries_max).
// Not sent again: one that was answered, with whatever status, or that timed out.
//
// A request under which an instance ended is a suspect: it may be what ends them. So that it holds
// up no others and takes none down with it, it goes after all that wait, for suspect_patience; few
// suspects are under way at once, and one whose last try it is is the only one. So a request is
// given up as `broken` only after a try without another suspect beside it.
//
// accept() and reconcile() run on the store's writer, in the transaction given; what they note in
// memory they note once it is durable. The other functions: any thread.
class RequestQueues final : public engine::Reconciler {
 public:
  // All of these outlive this object; after the sender and the loop have stopped, one empty write
  // to the store waits for what still refers to it.
  struct Needs {
    store::Store& store;
    objects::Objects& objects;
    engine::ReconcilerLoop& loop;
    RequestSender& sender;
    QueueDoor& door;
    const Clock& clock;
    const routing::RouteTable* routes = nullptr;  // null: no settings are noted for a generation
  };
  explicit RequestQueues(const Needs& needs) : needs_(needs) {}

  // Durable when the transaction is. limit_exceeded "queue_full" beyond queued_max;
  // invalid_argument "key_too_long" where the result's name is none. `request.number` is given
  // here.
  Result<> accept(store::Transaction& tx, const InvocationQueue& queue, QueuedRequest request);

  void wake(InvocationQueueId id);
  // Instances came or went: queues that waited for room look again.
  void look_again();

  std::string_view name() const override { return "queue"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  struct Sent {
    unsigned broken = 0;  // how many instances ended under it
    ServerTime expires = {};
  };
  struct Waiting {
    Instant not_before = {};
    Instant yields_until = {};  // a suspect: lets others go first
    Sent sent = {};
  };
  // What is known of a queue beside its rows. The store's writer only.
  struct State {
    std::int64_t rows = 0;
    std::int64_t sent_up_to = 0;              // everything up to this number was sent once
    std::map<std::int64_t, Sent> sent;        // under way
    std::map<std::int64_t, Waiting> waiting;  // was sent, and is to be sent again
    ServerTime next_expiry = ServerTime::max();
  };
  struct Sending {
    std::int64_t number = 0;
    unsigned broken = 0;
    Delivery delivery;
  };
  class Run;

  State& state_of(store::Transaction& tx, InvocationQueueId id);
  void settle(store::Transaction& tx, Settled settled, std::optional<objects::SealedBody> body);
  Result<> store_result(store::Transaction& tx, const Settled& settled, objects::SealedBody body);
  void store_failure(store::Transaction& tx, const Settled& settled,
                     std::optional<objects::SealedBody> body);
  void send(InvocationQueueId id, std::vector<Sending> sendings);
  void arrived(InvocationQueueId id, std::int64_t number, Delivered delivered);
  Result<> finish(store::Transaction& tx, InvocationQueueId id, std::int64_t number,
                  Delivered& delivered);
  void finished(InvocationQueueId id, std::int64_t number,
                const std::optional<DeliveryError>& again);
  bool is_starved(InvocationQueueId id);
  void set_starved(InvocationQueueId id);
  void unset_starved(InvocationQueueId id);

  const Needs needs_;
  std::map<InvocationQueueId, State> states_;
  std::atomic<std::size_t> completing_ = 0;
  std::mutex starved_mutex_;
  std::set<InvocationQueueId> starved_;  // have what to send and no room; guarded by starved_mutex_
};

}  // namespace slipway::invocation_queue
