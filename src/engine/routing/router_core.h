// The inside of a Router, in several files: router.cc finds an instance for a request,
// router_elastic.cc lets those of elastic variants wait for one, router_models.cc those of variants
// with many models for a model, router_outcome.cc tells what became of it. What it knows of routes
// and links stands in RouteView, what it chooses in Picker.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/routing/capture_copies.h"
#include "engine/routing/counters.h"
#include "engine/routing/invocation.h"
#include "engine/routing/link.h"
#include "engine/routing/model_gate.h"
#include "engine/routing/picker.h"
#include "engine/routing/route_view.h"
#include "engine/routing/shadow.h"
#include "engine/routing/wait_queue.h"
#include "net/loop.h"

namespace slipway::routing {

// Limits.
inline constexpr unsigned attempts_max = 3;  // instances tried before giving up
// A request that meets a fleet whose instances are all being replaced waits so long for one.
inline constexpr std::chrono::milliseconds hold_time_max{5'000};
inline constexpr std::size_t held_max = 1'024;  // requests that wait so, per router

// Returns the invocation that a router gave to a link as an exchange: all of them are.
inline std::unique_ptr<Invocation> invocation_of(std::unique_ptr<Exchange> exchange) {
  return std::unique_ptr<Invocation>(static_cast<Invocation*>(exchange.release()));
}

// Loop thread only, but for counters().
class RouterCore final : public LinkUser,
                         public ModelGateUser,
                         public Carrier,
                         public std::enable_shared_from_this<RouterCore> {
 public:
  RouterCore(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures)
      : loop_(loop),
        routes_(routes),
        picker_(random.next()),
        captures_(captures),
        view_(loop, routes, *this),
        models_(loop, *this) {}

  void open();
  void close();
  void invoke(std::unique_ptr<Invocation> invocation);
  std::shared_ptr<const FleetRoute> route_of(std::string_view fleet);
  std::vector<VariantCounters> counters() const { return view_.counters(); }

  void on_answer(std::unique_ptr<Exchange> exchange, InvokeAnswer&& answer) override;
  void on_unsent(std::unique_ptr<Exchange> exchange, std::string_view why) override;
  void on_failure(std::unique_ptr<Exchange> exchange, InvokeFailure failure,
                  std::string_view why) override;
  void on_again_by_http(std::unique_ptr<Exchange> exchange) override;
  void on_begun(Exchange& exchange, InvokeAnswer&& head) override;
  void on_part(Exchange& exchange, std::string_view bytes) override;
  void on_ended(std::unique_ptr<Exchange> exchange) override;
  void on_model_ready(std::unique_ptr<Invocation> invocation, ModelHandle model) override;
  void on_model_refused(std::unique_ptr<Invocation> invocation,
                        const ModelRefusal& refusal) override;
  void on_model_failed(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                       std::string_view detail) override;
  void set_paused(Invocation& invocation, Flow flow) override;
  void give_up(Invocation& invocation) override;

 private:
  // Finding an instance.
  void refresh();
  void dispatch(std::unique_ptr<Invocation> invocation);
  void dispatch_to(std::unique_ptr<Invocation> invocation, const VariantView& variant);
  void dispatch_pinned(std::unique_ptr<Invocation> invocation, FleetView& fleet);
  void dispatch_further(std::unique_ptr<Invocation> invocation);
  bool send(std::unique_ptr<Invocation>& invocation, InstanceLink& link);
  // Waiting for one.
  void without_instance(std::unique_ptr<Invocation> invocation, const GenerationRoute& route,
                        const VariantRoute* variant);
  void hold(std::unique_ptr<Invocation> invocation);
  void dispatch_held();
  void keep_sweeping();
  void sweep();
  // Many models.
  void dispatch_to_model(std::unique_ptr<Invocation> invocation);
  static void set_model(Invocation& invocation, ModelHandle model);
  static bool has_lost_model(Invocation& invocation, int status);
  // Elastic variants.
  void dispatch_elastic(std::unique_ptr<Invocation> invocation, LegView& leg, VariantView& variant);
  bool send_elastic(std::unique_ptr<Invocation>& invocation, LegView& leg, VariantView& variant);
  void advance_queue(const std::shared_ptr<const ElasticRoute>& elastic, LegView& leg,
                     VariantView& variant);
  void advance_queues();
  static std::uint64_t answer_limit(const Invocation& invocation);
  static bool exceeds_limit(Invocation& invocation, std::string_view part);
  void cut_off(Invocation& invocation);
  void refuse_answer(std::unique_ptr<Invocation> invocation, const InvokeAnswer& answer);
  // What became of it.
  void pass_on(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer);
  void mirror(std::unique_ptr<Invocation> invocation);
  void tell_origin(const Invocation& invocation, InvokeAnswer& answer) const;
  void let_go(Invocation& invocation);
  void count(Invocation& invocation, int status) const;
  std::chrono::milliseconds time_left(const Invocation& invocation) const;
  std::chrono::microseconds time_since_sent(const Invocation& invocation) const;
  bool is_captured(const Invocation& invocation);
  static void refuse(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                     std::string_view detail);
  static void refuse(Invocation& invocation, InvokeFailure failure, std::string_view detail);

  net::Loop& loop_;
  RouteTable& routes_;
  Picker picker_;
  CaptureBuffer* const captures_;  // null: nothing is captured
  std::uint64_t subscription_ = 0;
  std::atomic<bool> refresh_posted_ = false;
  ShadowLedger shadows_;  // before all that may hold an invocation
  RouteView view_;
  std::deque<std::unique_ptr<Invocation>> held_;
  WaitQueue waiting_;
  ModelGate models_;
  std::size_t under_way_ = 0;
  net::TimerId sweep_timer_ = 0;
  bool closed_ = false;
};

}  // namespace slipway::routing
