// The sender that really sends: all requests on the bulk loop, so that a subscriber that hangs
// costs a socket and never a thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/worker_pool.h"
#include "engine/events/http_deliveries.h"
#include "net/blocking_client.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/reach.h"

namespace slipway::events {

// Threads that look names up, which blocks; a name is looked up by one of them at a time.
inline constexpr std::size_t name_lookups_max = 4;

// Sends with POST, a whole exchange in at most delivery_time_max, however its answer comes; follows
// no redirection, keeps no answer. How many it is given at once is its caller's to bound.
//
// With Reach::public_only it connects to no address that is not public: each is looked at after the
// look-up and right before it is connected to, so a name that leads elsewhere the second time gains
// nothing. Thread-safe; what is under way when it stops is not reported.
class LoopHttpSender final : public HttpSender {
 public:
  // The loop outlives this object. `trusted`: whom https trusts; the system's certificates without
  // it.
  LoopHttpSender(net::LoopThread& loop, net::Reach reach,
                 std::shared_ptr<const net::TlsContext> trusted = nullptr);
  ~LoopHttpSender() override { stop(); }

  // On the loop's thread.
  void on_report(std::function<void(DeliveryReport)> sink) override { report_ = std::move(sink); }
  void send(DeliveryTask task) override;
  void stop();

 private:
  class Answer;
  using RequestId = std::uint64_t;
  // One request, from its URL to its answer.
  struct OutboundRequest {
    DeliveryTask task;
    net::Origin origin;
    net::TimerId deadline = 0;
    std::vector<net::Address> addresses = {};  // not tried yet, the next one last
    std::unique_ptr<net::HttpClient> client = {};
  };

  // The loop thread's.
  void begin(DeliveryTask task);
  void look_up(RequestId id, const net::Origin& origin);
  void found(const std::string& name, const Result<std::vector<net::Address>>& addresses);
  Result<net::Address> take_address(OutboundRequest& sending) const;
  void try_next(RequestId id);
  void answered(RequestId id, int status);
  void unanswered(RequestId id, const Error& error);
  void end(RequestId id, int status, std::string why);
  Result<net::ClientTls> tls_for(const net::Origin& origin);

  net::LoopThread& thread_;
  std::function<void(DeliveryReport)> report_;
  const net::Reach reach_;
  std::shared_ptr<const net::TlsContext> trusted_;
  std::atomic<bool> stopping_ = false;
  RequestId last_id_ = 0;
  std::unordered_map<RequestId, OutboundRequest> requests_;
  std::unordered_map<std::string, std::vector<RequestId>> lookups_;  // who waits for which name
  WorkerPool resolvers_{name_lookups_max, WorkerPool::Priority::normal, "name-look-up"};
};

}  // namespace slipway::events
