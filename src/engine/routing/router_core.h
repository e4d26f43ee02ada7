// The inside of a Router, in three files: router.cc finds a variant for a request, router_serve.cc
// an instance, by the variant's kind of serving, and router_outcome.cc tells what became of it.
// What it knows of routes and links stands in RouteView, what it chooses in Picker; the requests of
// elastic variants go by ElasticDispatch, those of variants with many models by ModelDispatch.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/routing/capture_copies.h"
#include "engine/routing/counters.h"
#include "engine/routing/elastic_dispatch.h"
#include "engine/routing/invocation.h"
#include "engine/routing/link.h"
#include "engine/routing/model_dispatch.h"
#include "engine/routing/picker.h"
#include "engine/routing/route_view.h"
#include "engine/routing/sender.h"
#include "engine/routing/serving.h"
#include "engine/routing/shadow.h"
#include "net/loop.h"

namespace slipway::routing {

// Limits.
// A request that meets a fleet whose instances are all being replaced waits so long for one.
inline constexpr std::chrono::milliseconds hold_time_max{5'000};
inline constexpr std::size_t held_max = 1'024;  // requests that wait so, per router

// Returns the invocation that a router gave to a link as an exchange: all of them are.
inline std::unique_ptr<Invocation> invocation_of(std::unique_ptr<Exchange> exchange) {
  return std::unique_ptr<Invocation>(static_cast<Invocation*>(exchange.release()));
}

// Loop thread only, but for counters().
class RouterCore final : public LinkUser,
                         public Sender,
                         public Carrier,
                         public std::enable_shared_from_this<RouterCore> {
 public:
  RouterCore(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures)
      : loop_(loop),
        routes_(routes),
        picker_(random.next()),
        captures_(captures),
        view_(loop, routes, *this),
        elastic_(*this),
        models_(loop, view_, *this) {}

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
  bool send(std::unique_ptr<Invocation>& invocation, InstanceLink& link) override;
  void hold(std::unique_ptr<Invocation> invocation) override;
  void set_paused(Invocation& invocation, Flow flow) override;
  void give_up(Invocation& invocation) override;

 private:
  // Finding an instance.
  void refresh();
  void dispatch(std::unique_ptr<Invocation> invocation);
  void dispatch_pinned(std::unique_ptr<Invocation> invocation, FleetView& fleet);
  // To a variant, by its kind of serving: router_serve.cc.
  struct Serve;
  void dispatch_to(std::unique_ptr<Invocation> invocation, const FleetView::Spot& at);
  void dispatch_to_none(std::unique_ptr<Invocation> invocation, const GenerationRoute& route);
  void dispatch_further(std::unique_ptr<Invocation> invocation);
  // Waiting for one.
  void retry_waiting();
  void keep_sweeping();
  void sweep();
  // What became of it.
  void pass_on(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer);
  void mirror(std::unique_ptr<Invocation> invocation);
  void cut_off(Invocation& invocation);
  void let_go(Invocation& invocation);
  bool is_captured(const Invocation& invocation);

  net::Loop& loop_;
  RouteTable& routes_;
  Picker picker_;
  CaptureBuffer* const captures_;  // null: nothing is captured
  std::uint64_t subscription_ = 0;
  std::atomic<bool> refresh_posted_ = false;
  ShadowLedger shadows_;  // before all that may hold an invocation
  RouteView view_;
  std::deque<std::unique_ptr<Invocation>> held_;
  ElasticDispatch elastic_;
  ModelDispatch models_;
  std::size_t under_way_ = 0;
  net::TimerId sweep_timer_ = 0;
  bool closed_ = false;
};

}  // namespace slipway::routing
