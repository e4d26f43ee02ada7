// What HTTP subscribers are still to get, and the giving of it.
//
// A row stays until its subscriber took it, its retries are used up, or its subscription is gone;
// which one comes next is a function of the rows, the reports, the time and whose turn it is
// (delivery_slots.h). What was under way when the server ended is sent again: at least once, as any
// HTTP delivery.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/events/admission.h"
#include "engine/events/delivery_slots.h"
#include "engine/events/envelope.h"
#include "engine/events/queues.h"
#include "engine/events/topics.h"
#include "engine/reconciler.h"

namespace slipway::events {

// Limits.
inline constexpr std::chrono::seconds delivery_time_max{15};

// For the next reconcile of the subscription.
void add_delivery(store::Transaction& tx, const Subscription& subscription,
                  const HttpDelivery& delivery, const Moment& now);

// One request to a subscriber, and how it went: its status, or why there was none.
struct DeliveryTask {
  std::int64_t seq = 0;
  std::string subscription;
  std::string url;
  HttpDelivery delivery;
};

// Says what became of one delivery to an HTTP subscriber.
struct DeliveryReport {
  std::int64_t seq = 0;
  std::string subscription;
  int status = 0;  // 0: no answer
  std::string why = {};
};

// Sends, and reports once for each task, from any thread. Nothing waits for it.
class HttpSender {
 public:
  virtual ~HttpSender() = default;
  // Who is told of each task: set once, before the first.
  virtual void on_report(std::function<void(DeliveryReport)> sink) = 0;
  virtual void send(DeliveryTask task) = 0;
};

// One key for each subscription. observe() from any thread, the rest on the reconcilers' thread.
class HttpDeliveries final : public engine::Reconciler {
 public:
  // All outlive it, but for the sender's tasks: it has stopped before this goes.
  HttpDeliveries(const Topics& topics, const Queues& queues, HttpSender& sender,
                 engine::ReconcilerLoop& loop, AskAdmission admission = {})
      : topics_(topics),
        queues_(queues),
        sender_(sender),
        loop_(loop),
        admission_(std::move(admission)) {
    sender_.on_report([this](DeliveryReport report) { observe(std::move(report)); });
  }

  std::string_view name() const override { return "events-http"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

  void observe(DeliveryReport report);
  void wake(const std::string& subscription) { loop_.wake(*this, subscription); }

  // How many subscriptions something is remembered of for what they are sent now.
  std::size_t remembered() const { return slots_.subscriptions() + begun_.size(); }

 private:
  std::vector<DeliveryReport> reports_of(std::string_view key, store::Transaction& tx);
  void look(std::string_view key, store::Transaction& tx, const Moment& now,
            engine::Effects& effects);
  HttpPolicy policy_of(store::Transaction& tx, const Subscription& subscription) const;
  void call_next();
  void settle(store::Transaction& tx, const Subscription& subscription, const HttpPolicy& policy,
              const DeliveryReport& report, const Moment& now);
  void begin(store::Transaction& tx, const Subscription& subscription, const HttpPolicy& policy,
             const Moment& now, engine::Effects& effects);
  bool may_begin(std::string_view subscription) const;
  engine::Wake next_look(std::string_view key, store::Transaction& tx, ServerTime now) const;

  const Topics& topics_;
  const Queues& queues_;
  HttpSender& sender_;
  engine::ReconcilerLoop& loop_;
  const AskAdmission admission_;  // of queues for dead letters
  DeliverySlots slots_;
  // Slots taken in a change that is not durable yet, by subscription: given back where it never is.
  std::map<std::string, std::vector<std::int64_t>, std::less<>> begun_;
  // Of subscriptions that want only so many requests a second: how many more until `end`.
  struct Pace {
    ServerTime end;
    std::uint32_t left = 0;
  };
  std::map<std::string, Pace, std::less<>> paces_;
  std::mutex mutex_;
  std::map<std::string, std::vector<DeliveryReport>, std::less<>> reports_;  // guarded by mutex_
};

}  // namespace slipway::events
