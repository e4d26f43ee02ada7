#include "engine/routing/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/routing/router_core.h"

namespace slipway::routing {

namespace {

constexpr std::chrono::milliseconds sweep_period{100};
// More instances than this are compared by drawing two of them.
constexpr std::size_t compared_max = 32;

std::uint64_t value(const std::atomic<std::uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

}  // namespace

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
  models_.close();
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
      if (!link) link = std::make_unique<InstanceLink>(loop_, instance, *this, link_spare_);
      to.links.push_back(link.get());
    }
  }
  state.weight_total = state.route->weight_total;
  return &state;
}

std::shared_ptr<const FleetRoute> RouterCore::route_of(std::string_view fleet) {
  if (closed_) return nullptr;
  const FleetState* const state = find_fleet(fresh_shard(fleet), fleet);
  return state == nullptr ? nullptr : state->route;
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
  if (invocation->relay_ && invocation->relay_->is_under_way())
    return dispatch_further(std::move(invocation));
  const InvokeRequest& request = invocation->request;
  FleetState* fleet = find_fleet(fresh_shard(request.fleet), request.fleet);
  if (fleet == nullptr && !routes_.complete()) return hold(std::move(invocation));
  if (fleet == nullptr)
    return refuse(std::move(invocation), InvokeFailure::not_found, "there is no such fleet");
  if (fleet->route->generation != 0 && fleet->route->access != request.access)
    return refuse(std::move(invocation), InvokeFailure::other_access, "it is asked in another way");
  if (!request.instance.empty()) return dispatch_pinned(std::move(invocation), *fleet);
  VariantState* variant = pick_variant(*fleet, request.target_variant, invocation->audience_);
  if (variant == nullptr && !request.target_variant.empty() && fleet->route->generation != 0)
    return refuse(std::move(invocation), InvokeFailure::no_such_variant,
                  fmt::format("it has no variant '{}'", request.target_variant));
  if (variant == nullptr && fleet->route->generation == 0)
    return refuse(std::move(invocation), InvokeFailure::not_serving, "nothing of it serves yet");
  if (variant != nullptr && !variant->route->models && !request.model.empty())
    return refuse(std::move(invocation), InvokeFailure::model_unexpected, "it has one model");
  const bool direct = variant != nullptr && variant->route->execution == Execution::direct;
  if (variant != nullptr && !request.container.empty() && !direct)
    return refuse(std::move(invocation), InvokeFailure::not_direct,
                  "its containers are not asked one by one");
  if (variant != nullptr && variant->route->elastic)
    return dispatch_elastic(std::move(invocation), *fleet, *variant);
  if (variant == nullptr) return without_instance(std::move(invocation), *fleet->route, nullptr);
  if (direct) variant = find_container(*variant, request.container);
  if (variant == nullptr)
    return refuse(std::move(invocation), InvokeFailure::no_such_container,
                  fmt::format("it has no container '{}'", request.container));
  if (variant->links.empty())
    return without_instance(std::move(invocation), *fleet->route, variant->route);
  invocation->route_ = fleet->route;
  dispatch_to(std::move(invocation), *variant);
}

// To an instance of this variant or container, which belongs to the invocation's route.
void RouterCore::dispatch_to(std::unique_ptr<Invocation> invocation, const VariantState& variant) {
  if (variant.links.empty()) return hold(std::move(invocation));
  invocation->variant_ = variant.route;
  invocation->cells_ = variant.cells;
  if (variant.route->execution == Execution::serial && !invocation->relay_)
    invocation->relay_ = std::make_unique<Relay>(invocation->request);
  if (invocation->relay_) invocation->relay_->fit(invocation->request, *variant.route);
  if (variant.route->models) return dispatch_to_model(std::move(invocation));
  const InstanceLink* not_this = invocation->link_;
  for (unsigned tries = 0; tries < attempts_max; ++tries) {
    InstanceLink* link = pick_instance(variant, not_this);
    if (send(invocation, *link)) return;
    not_this = link;
  }
  hold(std::move(invocation));
}

namespace {

// What a request that names an instance says against it beside.
std::optional<std::pair<InvokeFailure, std::string>> contradiction(const InvokeRequest& request,
                                                                   const VariantRoute& variant) {
  const bool direct = variant.execution == Execution::direct;
  if (!request.target_variant.empty() && request.target_variant != variant.name)
    return std::pair(InvokeFailure::other_instance,
                     fmt::format("the instance is one of variant '{}'", variant.name));
  if (!request.model.empty()) return std::pair(InvokeFailure::model_unexpected, "it has one model");
  if (!direct && !request.container.empty())
    return std::pair(InvokeFailure::not_direct, "its containers are not asked one by one");
  if (direct && request.container.empty())
    return std::pair(InvokeFailure::no_such_container, "none was named");
  if (direct && request.container != variant.container)
    return std::pair(InvokeFailure::other_instance,
                     fmt::format("the instance is one of container '{}'", variant.container));
  return std::nullopt;
}

}  // namespace

// To the one instance that it names, or to none.
void RouterCore::dispatch_pinned(std::unique_ptr<Invocation> invocation, FleetState& fleet) {
  const InvokeRequest& request = invocation->request;
  for (const VariantState& variant : fleet.variants) {
    if (variant.route->elastic || variant.route->models ||
        variant.route->execution == Execution::serial)
      continue;
    for (InstanceLink* link : variant.links) {
      if (link->instance().key.text != request.instance) continue;
      if (const auto against = contradiction(request, *variant.route))
        return refuse(std::move(invocation), against->first, against->second);
      invocation->route_ = fleet.route;
      return dispatch_to(std::move(invocation),
                         {.route = variant.route, .cells = variant.cells, .links = {link}});
    }
  }
  if (!routes_.complete()) return hold(std::move(invocation));
  refuse(std::move(invocation), InvokeFailure::no_such_instance, "the instance is gone");
}

// The next container of a series. What an update or a removal replaced meanwhile is still there for
// those that began with it: the invocation holds the route, and with it its instances.
void RouterCore::dispatch_further(std::unique_ptr<Invocation> invocation) {
  const VariantRoute& next = *invocation->variant_;
  FleetState* now = find_fleet(fresh_shard(invocation->request.fleet), invocation->request.fleet);
  if (now != nullptr && now->route->generation == invocation->route_->generation)
    for (const VariantState& variant : now->variants)
      if (variant.route->name == next.name && variant.route->position == next.position) {
        invocation->route_ = now->route;
        return dispatch_to(std::move(invocation), variant);
      }
  VariantState former{.route = &next, .cells = invocation->cells_, .links = {}};
  for (const auto& instance : next.instances) former.links.push_back(&link_of(instance));
  dispatch_to(std::move(invocation), former);
}

// The link to an instance that need not be routed to any more.
InstanceLink& RouterCore::link_of(const std::shared_ptr<const InstanceRoute>& instance) {
  for (const Shard& shard : shards_)
    if (const auto found = shard.links.find(instance.get()); found != shard.links.end())
      return *found->second;
  for (const auto& link : retired_)
    if (&link->instance() == instance.get()) return *link;
  return *retired_.emplace_back(
      std::make_unique<InstanceLink>(loop_, instance, *this, link_spare_));
}

// `first` is the first container of its variant; the others follow it.
RouterCore::VariantState* RouterCore::find_container(VariantState& first,
                                                     std::string_view container) {
  VariantState* const end = &first + first.route->containers;
  VariantState* const found = std::find_if(
      &first, end, [&](const VariantState& each) { return each.route->container == container; });
  return found == end ? nullptr : found;
}

// By weight among those that have instances; where all of these weigh nothing, any of them.
// Of a variant with several containers, the first.
RouterCore::VariantState* RouterCore::pick_variant(FleetState& fleet, std::string_view target,
                                                   Audience audience) {
  if (!target.empty()) {
    for (VariantState& variant : fleet.variants)
      if (variant.route->name == target && variant.route->audience == audience) return &variant;
    return nullptr;
  }
  if (fleet.variants.size() == 1) return &fleet.variants.front();
  double left = random_.fraction() * fleet.weight_total;
  VariantState* last = nullptr;
  for (VariantState& variant : fleet.variants) {
    if (variant.route->position != 0 || variant.route->audience == Audience::shadow) continue;
    if (variant.links.empty() || (fleet.weight_total > 0 && variant.route->weight <= 0)) continue;
    last = &variant;
    left -= variant.route->weight;
    if (left < 0) break;
  }
  return last;
}

// `not_this`: tried before, to be avoided where there is another.
InstanceLink* RouterCore::pick_instance(const VariantState& variant, const InstanceLink* not_this) {
  if (not_this == nullptr && variant.route->routing == Balancing::random)
    return pick_at_random(variant);
  const auto& links = variant.links;
  const std::size_t from = random_.below(links.size());
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
    if (variant.route->routing == Balancing::random) break;
  }
  return best != nullptr ? best : links[from];
}

// Of a quick model, whichever is at work already and will soon be through, the busiest first: a
// further process to wake costs more than the wait, and what comes together is read, run and
// written together. Who asks one request after the other meets each instance as often.
InstanceLink* RouterCore::pick_at_random(const VariantState& variant) {
  const auto& links = variant.links;
  const std::size_t from = random_.below(links.size());
  InstanceLink* picked = links[from];
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < std::min(links.size(), compared_max); ++i) {
    InstanceLink* const link = links[(from + i) % links.size()];
    const auto under_way = link->instance().outstanding.load(std::memory_order_relaxed);
    if (under_way <= most || under_way >= link->pace()) continue;
    picked = link;
    most = under_way;
  }
  return picked;
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
  if (invocation->audience_ == Audience::shadow)
    return refuse(std::move(invocation), InvokeFailure::unavailable, "a copy waits for nothing");
  if (!invocation->relay_ || !invocation->relay_->is_under_way()) {
    invocation->route_.reset();
    invocation->variant_ = nullptr;
  }
  invocation->link_ = nullptr;
  invocation->model_.reset();
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

void Invocation::pause() {
  if (router_ != nullptr) router_->set_paused(*this, Flow::paused);
}
void Invocation::resume() {
  if (router_ != nullptr) router_->set_paused(*this, Flow::flowing);
}
void Invocation::give_up() {
  if (router_ != nullptr) router_->give_up(*this);
}

void Router::invoke(std::unique_ptr<Invocation> invocation) {
  core_->invoke(std::move(invocation));
}

std::shared_ptr<const FleetRoute> Router::route_of(std::string_view fleet) {
  return core_->route_of(fleet);
}

std::vector<VariantCounters> Router::counters() const { return core_->counters(); }

}  // namespace slipway::routing
