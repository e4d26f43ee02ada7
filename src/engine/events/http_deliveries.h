// What HTTP subscribers are still to get, and the giving of it.
//
// A row stays until its subscriber took it, its retries are used up, or its subscription is gone;
// which one comes next is a function of the rows, the reports and the time. What was under way when
// the server ended is sent again: at least once, as any HTTP delivery.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/events/envelope.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"
#include "engine/reconciler.h"

namespace slipway::events {

// Limits.
inline constexpr std::size_t deliveries_under_way_max = 4;  // of one subscription
inline constexpr std::chrono::seconds delivery_time_max{15};

// For the next reconcile of the subscription.
void add_delivery(store::Transaction& tx, const Subscription& subscription,
                  const HttpDelivery& delivery, Timestamp now);

// One request to a subscriber, and how it went: its status, or why there was none.
struct CourierTask {
  std::int64_t seq = 0;
  std::string subscription;
  std::string url;
  HttpDelivery delivery;
};
struct CourierReport {
  std::int64_t seq = 0;
  std::string subscription;
  int status = 0;  // 0: no answer
  std::string why = {};
};

// Sends, and reports once for each task, from any thread. Nothing waits for it.
class Courier {
 public:
  virtual ~Courier() = default;
  virtual void send(CourierTask task) = 0;
};

// One key for each subscription. observe() from any thread, the rest on the reconcilers' thread.
class HttpDeliveries final : public engine::Reconciler {
 public:
  // All outlive it.
  HttpDeliveries(const Topics& topics, const Queues& queues, Courier& courier,
                 engine::ReconcilerLoop& loop)
      : topics_(topics), queues_(queues), courier_(courier), loop_(loop) {}

  std::string_view name() const override { return "events-http"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, Timestamp now) override;

  void observe(CourierReport report);
  void wake(const std::string& subscription) { loop_.wake(*this, subscription); }

 private:
  void settle(store::Transaction& tx, const Subscription& subscription, const CourierReport& report,
              Timestamp now);
  void begin(store::Transaction& tx, const Subscription& subscription, Timestamp now);

  const Topics& topics_;
  const Queues& queues_;
  Courier& courier_;
  engine::ReconcilerLoop& loop_;
  // By subscription.
  std::map<std::string, std::set<std::int64_t>, std::less<>> under_way_;
  std::mutex mutex_;
  std::map<std::string, std::vector<CourierReport>, std::less<>> reports_;  // guarded by mutex_
};

}  // namespace slipway::events
