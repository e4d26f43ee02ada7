// The inside of a Router, in several files: router.cc finds an instance for a request,
// router_elastic.cc lets those of elastic variants wait for one, router_models.cc those of variants
// with many models for a model, router_capture.cc copies, router_outcome.cc tells what became of
// it.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/string_hash.h"
#include "engine/routing/elastic_lines.h"
#include "engine/routing/instance_link.h"
#include "engine/routing/model_gate.h"
#include "engine/routing/relay.h"
#include "engine/routing/router.h"
#include "engine/routing/shadow.h"
#include "net/loop.h"

namespace slipway::routing {

// Chance that costs a few instructions (splitmix64); nothing secret depends on it.
class QuickRandom {
 public:
  explicit QuickRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return scatter(state_ += scatter_step); }
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>((next() >> 32) * bound >> 32);
  }
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

// What one router counts of one variant. One writer; readers on other threads see each number
// whole.
struct VariantCells {
  std::string fleet;
  std::string variant;
  std::atomic<std::uint64_t> invocations = 0;
  std::atomic<std::uint64_t> answers_4xx = 0;
  std::atomic<std::uint64_t> answers_5xx = 0;
  std::atomic<std::uint64_t> failures = 0;
  std::atomic<std::uint64_t> model_time_us = 0;
  std::atomic<std::uint64_t> request_bytes = 0;
  std::atomic<std::uint64_t> answer_bytes = 0;
  std::array<std::atomic<std::uint64_t>, 32> model_time = {};
};

// Loop thread only, but for counters().
class RouterCore final : public LinkUser,
                         public ModelGateUser,
                         public std::enable_shared_from_this<RouterCore> {
 public:
  RouterCore(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures)
      : loop_(loop),
        routes_(routes),
        random_(random.next()),
        captures_(captures),
        models_(loop, *this) {}

  void open();
  void close();
  void invoke(std::unique_ptr<Invocation> invocation);
  std::shared_ptr<const FleetRoute> route_of(std::string_view fleet);
  std::vector<VariantCounters> counters() const;

  void on_answer(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer) override;
  void on_unsent(std::unique_ptr<Invocation> invocation, std::string_view why) override;
  void on_failure(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                  std::string_view why) override;
  void on_again_by_http(std::unique_ptr<Invocation> invocation) override;
  void on_begun(Invocation& invocation, InvokeAnswer&& head) override;
  void on_part(Invocation& invocation, std::string_view bytes) override;
  void on_ended(std::unique_ptr<Invocation> invocation) override;
  void on_model_ready(std::unique_ptr<Invocation> invocation, ModelHandle model) override;
  void on_model_refused(std::unique_ptr<Invocation> invocation,
                        const ModelRefusal& refusal) override;
  void on_model_failed(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                       std::string_view detail) override;
  void set_paused(Invocation& invocation, Flow flow);
  void give_up(Invocation& invocation);

 private:
  struct VariantState {
    const VariantRoute* route = nullptr;
    VariantCells* cells = nullptr;
    std::vector<InstanceLink*> links;
  };
  // One fleet as this router uses it, made from the snapshot when first asked for.
  struct FleetState {
    std::shared_ptr<const FleetRoute> route;
    std::vector<VariantState> variants;
    double weight_total = 0;
  };
  using Links = std::unordered_map<const InstanceRoute*, std::unique_ptr<InstanceLink>>;
  struct Shard {
    std::uint64_t version = 0;
    std::shared_ptr<const RouteMap> map;
    std::unordered_map<std::string, FleetState, StringHash, std::equal_to<>> fleets;
    Links links;
  };

  Shard& fresh_shard(std::string_view fleet);
  void reload(Shard& shard, std::size_t index);
  void refresh();
  FleetState* find_fleet(Shard& shard, std::string_view fleet);
  VariantCells* cells_of(const std::string& fleet, const std::string& variant);

  void dispatch(std::unique_ptr<Invocation> invocation);
  void dispatch_to(std::unique_ptr<Invocation> invocation, const VariantState& variant);
  void dispatch_pinned(std::unique_ptr<Invocation> invocation, FleetState& fleet);
  void dispatch_further(std::unique_ptr<Invocation> invocation);
  VariantState* pick_variant(FleetState& fleet, std::string_view target,
                             Audience audience = Audience::callers);
  static VariantState* find_container(VariantState& first, std::string_view container);
  InstanceLink& link_of(const std::shared_ptr<const InstanceRoute>& instance);
  void relay(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer);
  void tell_origin(const Invocation& invocation, InvokeAnswer& answer) const;
  void mirror(std::unique_ptr<Invocation> invocation);
  InstanceLink* pick_instance(const VariantState& variant, const InstanceLink* not_this);
  InstanceLink* pick_at_random(const VariantState& variant);
  bool send(std::unique_ptr<Invocation>& invocation, InstanceLink& link);
  void without_instance(std::unique_ptr<Invocation> invocation, const FleetRoute& fleet,
                        const VariantRoute* variant);
  void hold(std::unique_ptr<Invocation> invocation);
  void dispatch_held();
  void dispatch_to_model(std::unique_ptr<Invocation> invocation);
  static bool has_lost_model(Invocation& invocation, int status);
  void dispatch_elastic(std::unique_ptr<Invocation> invocation, FleetState& fleet,
                        VariantState& variant);
  bool send_elastic(std::unique_ptr<Invocation>& invocation, FleetState& fleet,
                    VariantState& variant);
  void advance_lines();
  static std::uint64_t answer_limit(const Invocation& invocation);
  static bool exceeds_limit(Invocation& invocation, std::string_view part);
  void cut_off(Invocation& invocation);
  void refuse_answer(std::unique_ptr<Invocation> invocation, const InvokeAnswer& answer);
  void drop_from_lines();
  void let_go(Invocation& invocation);
  std::chrono::milliseconds time_left(const Invocation& invocation) const;
  static std::uint64_t request_bytes(const Invocation& invocation);
  void count(Invocation& invocation, int status) const;
  void capture(const Invocation& invocation, const InvokeAnswer& answer);
  void begin_capture(Invocation& invocation, const InvokeAnswer& head);
  static void capture_part(CaptureRecord& record, std::string_view bytes);
  std::chrono::microseconds time_since_sent(const Invocation& invocation) const;
  void refuse(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
              std::string_view detail);
  static void refuse(Invocation& invocation, InvokeFailure failure, std::string_view detail);

  void keep_sweeping();
  void sweep();
  void expire();
  void drop_retired();

  net::Loop& loop_;
  RouteTable& routes_;
  QuickRandom random_;
  CaptureBuffer* const captures_;  // null: nothing is captured
  std::uint64_t subscription_ = 0;
  std::atomic<bool> refresh_posted_ = false;
  ShadowLedger shadows_;       // before all that may hold an invocation
  net::LinkSpare link_spare_;  // before all links
  std::array<Shard, route_shards> shards_;
  std::vector<std::unique_ptr<InstanceLink>> retired_;  // not routed to, answers may still come
  std::deque<std::unique_ptr<Invocation>> held_;
  ElasticLines lines_;
  ModelGate models_;
  std::size_t under_way_ = 0;
  net::TimerId sweep_timer_ = 0;
  bool closed_ = false;

  mutable std::mutex cells_mutex_;  // adding cells against reading them
  std::deque<VariantCells> cells_;
};

}  // namespace slipway::routing
