// The courier that really sends: all requests on the bulk loop, so that a subscriber that hangs
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
class HttpCourier final : public Courier {
 public:
  // The loop outlives this object. `trusted`: whom https trusts; the system's certificates without
  // it.
  HttpCourier(net::LoopThread& loop, net::Reach reach,
              std::shared_ptr<const net::TlsContext> trusted = nullptr);
  ~HttpCourier() override { stop(); }

  // On the loop's thread.
  void on_report(std::function<void(CourierReport)> sink) override { report_ = std::move(sink); }
  void send(CourierTask task) override;
  void stop();

 private:
  class Answer;
  using ErrandId = std::uint64_t;
  // One request, from its URL to its answer.
  struct Errand {
    CourierTask task;
    net::Origin origin;
    net::TimerId deadline = 0;
    std::vector<net::Address> addresses = {};  // not tried yet, the next one last
    std::unique_ptr<net::HttpClient> client = {};
  };

  // The loop thread's.
  void begin(CourierTask task);
  void look_up(ErrandId id, const net::Origin& origin);
  void found(const std::string& name, const Result<std::vector<net::Address>>& addresses);
  Result<net::Address> take_address(Errand& errand) const;
  void try_next(ErrandId id);
  void answered(ErrandId id, int status);
  void unanswered(ErrandId id, const Error& error);
  void end(ErrandId id, int status, std::string why);
  Result<net::ClientTls> tls_for(const net::Origin& origin);

  net::LoopThread& thread_;
  std::function<void(CourierReport)> report_;
  const net::Reach reach_;
  std::shared_ptr<const net::TlsContext> trusted_;
  std::atomic<bool> stopping_ = false;
  ErrandId last_id_ = 0;
  std::unordered_map<ErrandId, Errand> errands_;
  std::unordered_map<std::string, std::vector<ErrandId>> lookups_;  // who waits for which name
  WorkerPool resolvers_{name_lookups_max, WorkerPool::Priority::normal, "name-look-up"};
};

}  // namespace slipway::events
