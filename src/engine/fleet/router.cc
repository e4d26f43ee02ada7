#include "engine/fleet/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <deque>
#include <limits>
#include <mutex>

#include "engine/fleet/router_core.h"

namespace slipway::fleet {

namespace {

constexpr std::chrono::milliseconds sweep_period{100};
constexpr std::chrono::milliseconds time_left_min{1};
// More instances than this are compared by drawing two of them.
constexpr std::size_t compared_max = 32;

// One writer; readers on other threads see each number whole.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}
std::uint64_t value(const std::atomic<std::uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

}  // namespace

std::string_view name_of(InvokeFailure failure) {
  switch (failure) {
    case InvokeFailure::not_found: return "not_found";
    case InvokeFailure::other_access: return "other_access";
    case InvokeFailure::no_such_variant: return "no_such_variant";
    case InvokeFailure::not_serving: return "not_serving";
    case InvokeFailure::at_zero: return "at_zero";
    case InvokeFailure::offered: return "offered";
    case InvokeFailure::unavailable: return "unavailable";
    case InvokeFailure::timeout: return "timeout";
    case InvokeFailure::broken: return "broken";
    case InvokeFailure::too_large: return "too_large";
    case InvokeFailure::request_too_large: return "request_too_large";
    case InvokeFailure::throttled: return "throttled";
    case InvokeFailure::not_ready: return "not_ready";
    case InvokeFailure::start_failed: return "start_failed";
  }
  return "unknown";
}

// ---- Snapshots ----

void RouterCore::open() {
  subscription_ = routes_.subscribe([weak = weak_from_this(), &loop = loop_] {
    const auto core = weak.lock();
    if (!core || core->refresh_posted_.exchange(true)) return;
    loop.post([weak] {
      if (const auto alive = weak.lock()) alive->refresh();
    });
  });
}

void RouterCore::close() {
  closed_ = true;
  routes_.unsubscribe(subscription_);
  loop_.cancel(sweep_timer_);
  while (!held_.empty()) {
    auto invocation = std::move(held_.front());
    held_.pop_front();
    refuse(std::move(invocation), InvokeFailure::unavailable, "the server is stopping");
  }
  for (const ElasticLines::Line& line : lines_.lines())
    for (auto& invocation : lines_.take_all(line.gate))
      refuse(std::move(invocation), InvokeFailure::unavailable, "the server is stopping");
  for (Shard& shard : shards_) shard = {};
  retired_.clear();
}

RouterCore::Shard& RouterCore::fresh_shard(std::string_view fleet) {
  const std::size_t index = RouteTable::shard_of(fleet);
  Shard& shard = shards_[index];
  if (shard.version != routes_.version(index)) reload(shard, index);
  return shard;
}

// Keeps the links to instances that are routed to still; the others retire.
void RouterCore::reload(Shard& shard, std::size_t index) {
  shard.version = routes_.version(index);
  shard.map = routes_.snapshot(index);
  shard.fleets.clear();
  Links kept;
  for (const auto& [id, route] : *shard.map)
    for (const VariantRoute& variant : route->variants)
      for (const auto& instance : variant.instances)
        if (auto link = shard.links.extract(instance.get())) kept.insert(std::move(link));
  for (auto& [route, link] : shard.links) retired_.push_back(std::move(link));
  shard.links = std::move(kept);
  if (!retired_.empty()) keep_sweeping();
}

void RouterCore::refresh() {
  refresh_posted_ = false;
  if (closed_) return;
  for (std::size_t i = 0; i < route_shards; ++i)
    if (shards_[i].map && shards_[i].version != routes_.version(i)) reload(shards_[i], i);
  drop_retired();
  dispatch_held();
  advance_lines();
}

void RouterCore::drop_retired() {
  std::erase_if(retired_, [](const auto& link) { return link->under_way() == 0; });
}

RouterCore::FleetState* RouterCore::find_fleet(Shard& shard, std::string_view fleet) {
  if (const auto known = shard.fleets.find(fleet); known != shard.fleets.end())
    return &known->second;
  const auto route = shard.map->find(fleet);
  if (route == shard.map->end()) return nullptr;
  FleetState& state = shard.fleets[route->first];
  state.route = route->second;
  for (const VariantRoute& variant : state.route->variants) {
    VariantState& to = state.variants.emplace_back();
    to.route = &variant;
    to.cells = cells_of(route->first, variant.name);
    for (const auto& instance : variant.instances) {
      auto& link = shard.links[instance.get()];
      if (!link) link = std::make_unique<InstanceLink>(loop_, instance, *this);
      to.links.push_back(link.get());
    }
  }
  state.weight_total = state.route->weight_total;
  return &state;
}

VariantCells* RouterCore::cells_of(const std::string& fleet, const std::string& variant) {
  const std::lock_guard lock(cells_mutex_);
  for (VariantCells& cells : cells_)
    if (cells.fleet == fleet && cells.variant == variant) return &cells;
  VariantCells& cells = cells_.emplace_back();
  cells.fleet = fleet;
  cells.variant = variant;
  return &cells;
}

// ---- The way of a request ----

void RouterCore::invoke(std::unique_ptr<Invocation> invocation) {
  invocation->arrived_at_ = loop_.now();
  invocation->router_ = this;
  if (closed_)
    return refuse(std::move(invocation), InvokeFailure::unavailable, "the server is stopping");
  dispatch(std::move(invocation));
}

void RouterCore::dispatch(std::unique_ptr<Invocation> invocation) {
  const InvokeRequest& request = invocation->request;
  FleetState* fleet = find_fleet(fresh_shard(request.fleet), request.fleet);
  if (fleet == nullptr && !routes_.complete()) return hold(std::move(invocation));
  if (fleet == nullptr)
    return refuse(std::move(invocation), InvokeFailure::not_found, "there is no such fleet");
  if (fleet->route->generation != 0 && fleet->route->access != request.access)
    return refuse(std::move(invocation), InvokeFailure::other_access, "it is asked in another way");
  VariantState* variant = pick_variant(*fleet, request.target_variant);
  if (variant == nullptr && !request.target_variant.empty() && fleet->route->generation != 0)
    return refuse(std::move(invocation), InvokeFailure::no_such_variant,
                  fmt::format("it has no variant '{}'", request.target_variant));
  if (variant == nullptr && fleet->route->generation == 0)
    return refuse(std::move(invocation), InvokeFailure::not_serving, "nothing of it serves yet");
  if (variant != nullptr && variant->route->elastic)
    return dispatch_elastic(std::move(invocation), *fleet, *variant);
  if (variant == nullptr || variant->links.empty())
    return without_instance(std::move(invocation), *fleet->route,
                            variant == nullptr ? nullptr : variant->route);
  invocation->route_ = fleet->route;
  invocation->variant_ = variant->route;
  invocation->cells_ = variant->cells;
  const InstanceLink* not_this = invocation->link_;
  for (unsigned tries = 0; tries < attempts_max; ++tries) {
    InstanceLink* link = pick_instance(*variant, not_this);
    if (send(invocation, *link)) return;
    not_this = link;
  }
  hold(std::move(invocation));
}

// By weight among those that have instances; where all of these weigh nothing, any of them.
RouterCore::VariantState* RouterCore::pick_variant(FleetState& fleet, std::string_view target) {
  if (!target.empty()) {
    for (VariantState& variant : fleet.variants)
      if (variant.route->name == target) return &variant;
    return nullptr;
  }
  if (fleet.variants.size() == 1) return &fleet.variants.front();
  double left = random_.fraction() * fleet.weight_total;
  VariantState* last = nullptr;
  for (VariantState& variant : fleet.variants) {
    if (variant.links.empty() || (fleet.weight_total > 0 && variant.route->weight <= 0)) continue;
    last = &variant;
    left -= variant.route->weight;
    if (left < 0) break;
  }
  return last;
}

// `not_this`: tried before, to be avoided where there is another.
InstanceLink* RouterCore::pick_instance(const VariantState& variant, const InstanceLink* not_this) {
  const auto& links = variant.links;
  const std::size_t from = random_.below(links.size());
  if (not_this == nullptr && variant.route->routing == Routing::random) return links[from];
  const std::size_t looked_at = links.size() > compared_max ? 2 : links.size();
  InstanceLink* best = nullptr;
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::size_t at =
        links.size() > compared_max ? random_.below(links.size()) : (from + i) % links.size();
    const std::uint32_t load = links[at]->instance().outstanding.load(std::memory_order_relaxed);
    if ((best != nullptr && load >= least) || links[at] == not_this) continue;
    best = links[at];
    least = load;
    if (variant.route->routing == Routing::random) break;
  }
  return best != nullptr ? best : links[from];
}

bool RouterCore::send(std::unique_ptr<Invocation>& invocation, InstanceLink& link) {
  Invocation& sent = *invocation;
  sent.link_ = &link;
  sent.sent_at_ = loop_.now();
  if (!link.send(invocation, time_left(sent))) return false;
  ++sent.attempts_;
  link.instance().outstanding.fetch_add(1, std::memory_order_relaxed);
  ++under_way_;
  keep_sweeping();
  sent.sent();
  return true;
}

std::chrono::milliseconds RouterCore::time_left(const Invocation& invocation) const {
  const auto limit = invocation.request.time_limit.count() > 0 ? invocation.request.time_limit
                                                               : invocation.route_->request_timeout;
  const auto left = invocation.arrived_at_ + limit - loop_.now();
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), time_left_min);
}

void RouterCore::let_go(Invocation& invocation) {
  invocation.link_->instance().outstanding.fetch_sub(1, std::memory_order_relaxed);
  --under_way_;
}

// ---- What became of it ----

std::chrono::microseconds RouterCore::time_since_sent(const Invocation& invocation) const {
  return std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - invocation.sent_at_);
}

void RouterCore::count(Invocation& invocation, int status) const {
  VariantCells& cells = *invocation.cells_;
  const auto us =
      static_cast<std::uint64_t>(std::max<std::int64_t>(time_since_sent(invocation).count(), 0));
  add(cells.invocations, 1);
  add(cells.model_time_us, us);
  add(cells.request_bytes, invocation.request.body.size());
  add(cells.model_time[std::min<std::size_t>(us == 0 ? 0 : std::bit_width(us) - 1U, 31)], 1);
  if (status >= 500)
    add(cells.answers_5xx, 1);
  else if (status >= 400)
    add(cells.answers_4xx, 1);
}

void RouterCore::on_answer(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer) {
  let_go(*invocation);
  if (exceeds_limit(*invocation, answer)) return refuse_answer(std::move(invocation), answer);
  count(*invocation, answer.status);
  add(invocation->cells_->answer_bytes, answer.body.size());
  answer.variant = invocation->variant_->name;
  answer.model_time = time_since_sent(*invocation);
  if (invocation->route_->capture) capture(*invocation, answer);
  invocation->answered(answer);
}

void RouterCore::on_begun(Invocation& invocation, InvokeAnswer&& head) {
  invocation.place_.begun = true;
  head.variant = invocation.variant_->name;
  head.model_time = time_since_sent(invocation);
  head.part_border = invocation.route_->part_border;
  if (invocation.route_->capture) begin_capture(invocation, head);
  invocation.begun(head);
}

void RouterCore::on_part(Invocation& invocation, std::string_view bytes) {
  add(invocation.cells_->answer_bytes, bytes.size());
  if (invocation.captured_) capture_part(*invocation.captured_, bytes);
  invocation.part(bytes);
}

void RouterCore::on_ended(std::unique_ptr<Invocation> invocation) {
  let_go(*invocation);
  count(*invocation, 200);
  if (invocation->captured_) captures_->offer(std::move(*invocation->captured_));
  invocation->ended();
}

void RouterCore::set_paused(Invocation& invocation, Flow flow) {
  if (invocation.place_.begun) invocation.link_->set_paused(invocation, flow);
}

// It is either held or under way at a link: between the two nobody outside is called.
void RouterCore::give_up(Invocation& invocation) {
  if (invocation.place_.way == ExchangePlace::Way::none) {
    if (lines_.remove(invocation)) return;
    std::erase_if(held_, [&](const auto& held) { return held.get() == &invocation; });
    return;
  }
  let_go(invocation);
  count(invocation, 200);
  invocation.link_->drop(invocation);
}

void RouterCore::on_unsent(std::unique_ptr<Invocation> invocation, std::string_view why) {
  let_go(*invocation);
  if (closed_) return refuse(std::move(invocation), InvokeFailure::unavailable, why);
  if (invocation->attempts_ < attempts_max || invocation->variant_->elastic)
    return dispatch(std::move(invocation));
  hold(std::move(invocation));
}

void RouterCore::on_failure(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                            std::string_view why) {
  let_go(*invocation);
  // What breaks because this server ends is not the instance's fault.
  if (closed_ && invocation->place_.begun) failure = InvokeFailure::unavailable;
  const auto ending =
      failure == InvokeFailure::broken ? invocation->link_->instance().ending.load() : nullptr;
  refuse(std::move(invocation), failure, ending ? "the instance ended: " + *ending : why);
}

void RouterCore::on_again_by_http(std::unique_ptr<Invocation> invocation) {
  const auto left = time_left(*invocation);
  if (!invocation->link_->send_by_http(invocation, left))
    on_failure(std::move(invocation), InvokeFailure::too_large,
               "the answer does not fit into a frame and the instance has no HTTP");
}

void RouterCore::refuse(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                        std::string_view detail) {
  if (invocation->cells_ != nullptr) {
    add(invocation->cells_->invocations, 1);
    add(invocation->cells_->failures, 1);
  }
  const std::string_view variant =
      invocation->variant_ == nullptr ? std::string_view() : invocation->variant_->name;
  invocation->failed(failure, detail, variant);
}

// ---- Waiting for an instance ----

// `variant` is null where none was picked: then what all of them have in common counts.
void RouterCore::without_instance(std::unique_ptr<Invocation> invocation, const FleetRoute& fleet,
                                  const VariantRoute* variant) {
  using Use = VariantRoute::Use;
  const auto all = [&](Use use) {
    if (variant != nullptr) return variant->use == use;
    return std::ranges::all_of(fleet.variants,
                               [use](const VariantRoute& each) { return each.use == use; });
  };
  if (all(Use::at_zero))
    return refuse(std::move(invocation), InvokeFailure::at_zero, "it has no instance by wish");
  if (all(Use::offered))
    return refuse(std::move(invocation), InvokeFailure::offered, "it runs nothing of its own");
  hold(std::move(invocation));
}

// Tried again with the next snapshot and with every sweep.
void RouterCore::hold(std::unique_ptr<Invocation> invocation) {
  if (closed_ || held_.size() >= held_max || loop_.now() - invocation->arrived_at_ >= hold_time_max)
    return refuse(std::move(invocation), InvokeFailure::unavailable,
                  "it has no instance that can take a request now");
  invocation->route_.reset();
  invocation->variant_ = nullptr;
  invocation->link_ = nullptr;
  invocation->place_ = {};
  invocation->attempts_ = 0;
  held_.push_back(std::move(invocation));
  keep_sweeping();
}

void RouterCore::dispatch_held() {
  for (std::size_t count = held_.size(); count > 0; --count) {
    auto invocation = std::move(held_.front());
    held_.pop_front();
    dispatch(std::move(invocation));
  }
}

void RouterCore::keep_sweeping() {
  if (sweep_timer_ != 0 || closed_) return;
  sweep_timer_ = loop_.after(sweep_period, [weak = weak_from_this()] {
    if (const auto core = weak.lock()) core->sweep();
  });
}

// Whoever is told may invoke anew, and so change the maps: the links are listed first.
void RouterCore::expire() {
  std::vector<InstanceLink*> links;
  for (const Shard& shard : shards_)
    for (const auto& [route, link] : shard.links)
      if (link->under_way() > 0) links.push_back(link.get());
  for (const auto& link : retired_) links.push_back(link.get());
  for (InstanceLink* link : links) link->expire(loop_.now());
}

void RouterCore::sweep() {
  sweep_timer_ = 0;
  if (under_way_ > 0) expire();
  drop_retired();
  dispatch_held();
  advance_lines();
  if (under_way_ > 0 || !held_.empty() || !lines_.empty() || !retired_.empty()) keep_sweeping();
}

std::vector<VariantCounters> RouterCore::counters() const {
  const std::lock_guard lock(cells_mutex_);
  std::vector<VariantCounters> list;
  for (const VariantCells& cells : cells_) {
    VariantCounters& out = list.emplace_back();
    out.fleet = cells.fleet;
    out.variant = cells.variant;
    out.invocations = value(cells.invocations);
    out.answers_4xx = value(cells.answers_4xx);
    out.answers_5xx = value(cells.answers_5xx);
    out.failures = value(cells.failures);
    out.model_time_us = value(cells.model_time_us);
    out.request_bytes = value(cells.request_bytes);
    out.answer_bytes = value(cells.answer_bytes);
    for (std::size_t i = 0; i < cells.model_time.size(); ++i)
      out.model_time.buckets[i] = value(cells.model_time[i]);
  }
  return list;
}

Router::Router(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures)
    : core_(std::make_shared<RouterCore>(loop, routes, random, captures)) {
  core_->open();
}
Router::~Router() { core_->close(); }

void Invocation::pause() { router_->set_paused(*this, Flow::paused); }
void Invocation::resume() { router_->set_paused(*this, Flow::flowing); }
void Invocation::give_up() { router_->give_up(*this); }

void Router::invoke(std::unique_ptr<Invocation> invocation) {
  core_->invoke(std::move(invocation));
}

std::vector<VariantCounters> Router::counters() const { return core_->counters(); }

}  // namespace slipway::fleet
