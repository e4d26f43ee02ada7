// The requests of elastic variants that wait in one router: for their permit, or for an instance.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "engine/routing/concurrency_limiter.h"
#include "engine/routing/invocation.h"

namespace slipway::routing {

// One queue for each variant, in the order of arrival. Loop thread only. Owns what waits in it.
class WaitQueue {
 public:
  struct Waiting {
    std::unique_ptr<Invocation> invocation;
    Instant since = {};  // when the request arrived
    Permit permit = {};
  };
  // Sends it, or leaves it, with its permit, where nothing can take it now.
  using Send = std::function<bool(Waiting&)>;

  ~WaitQueue();

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ >= waiting_max; }
  bool has(const ElasticRoute& route) const { return queues_.contains(route.limiter.get()); }

  // `fleet` and `variant` are where it is tried again.
  void add(Waiting waiting, const ElasticRoute& route, const std::string& variant);

  // Gives permits to those that have none as far as there are any, then sends in the order of
  // arrival until one cannot be sent.
  void advance(const ElasticRoute& route, const Send& send);

  // What its queues are for, as they stand.
  struct Group {
    const ConcurrencyLimiter* limiter = nullptr;
    std::string fleet;
    std::string variant;
  };
  std::vector<Group> groups() const;
  // Destroys the invocation where it waits here; returns whether it did.
  bool remove(const Invocation& invocation);
  // All that wait for this limiter; their permits are given back.
  std::vector<std::unique_ptr<Invocation>> take_all(const ConcurrencyLimiter* limiter);

  // Who has waited too long for a permit or for an instance, or waits for one that will not come.
  struct Dropped {
    std::unique_ptr<Invocation> invocation;
    InvokeFailure failure;
    std::string detail;
  };
  std::vector<Dropped> take_dropped(Instant now);

 private:
  struct Queue {
    std::shared_ptr<ConcurrencyLimiter> limiter;
    std::chrono::milliseconds request_timeout{0};
    std::string fleet;
    std::string variant;
    std::uint64_t given_up_seen = 0;
    std::deque<Waiting> with_permit;
    std::deque<Waiting> without_permit;
  };

  static std::size_t size(const Queue& queue) {
    return queue.with_permit.size() + queue.without_permit.size();
  }
  Waiting take_front(Queue& queue, std::deque<Waiting>& from);
  void drop_given_up(Queue& queue, std::vector<Dropped>& dropped);

  std::unordered_map<const ConcurrencyLimiter*, Queue> queues_;
  std::size_t count_ = 0;
};

}  // namespace slipway::routing
