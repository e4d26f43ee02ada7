#include "engine/routing/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/routing/router_core.h"

namespace slipway::routing {

namespace {

constexpr std::chrono::milliseconds sweep_period{100};
}  // namespace

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
  for (const WaitQueue::Group& group : waiting_.groups())
    for (auto& invocation : waiting_.take_all(group.limiter))
      refuse(std::move(invocation), InvokeFailure::unavailable, "the server is stopping");
  view_.clear();
}

void RouterCore::refresh() {
  refresh_posted_ = false;
  if (closed_) return;
  view_.refresh();
  if (view_.has_retired()) keep_sweeping();
  dispatch_held();
  advance_queues();
}

std::shared_ptr<const FleetRoute> RouterCore::route_of(std::string_view fleet) {
  if (closed_) return nullptr;
  const FleetView* const view = view_.find(fleet);
  return view == nullptr ? nullptr : view->route;
}

// ---- The way of a request ----

void RouterCore::invoke(std::unique_ptr<Invocation> invocation) {
  invocation->arrived_at_ = loop_.now();
  invocation->carrier_ = this;
  if (closed_)
    return refuse(std::move(invocation), InvokeFailure::unavailable, "the server is stopping");
  dispatch(std::move(invocation));
}

// Finds where the request goes, by what the routes say now; a held one comes here again and again.
// The order of the questions is part of what callers see:
//
//   - One that has been through a container already goes on in the route that it began with, though
//     another generation may serve by now.
//   - As long as not all routes are known (a server that starts), a fleet that is not there may
//     still come: the request is held. After that there is none.
//   - Who may ask at all (`access`) comes before everything that tells what the fleet is made of.
//   - What the request says that cannot be (a variant, a model, a container that is not there) is
//     refused before anybody looks for an instance: such a request is never held, nor counted
//     among those for which an elastic variant starts instances.
//   - Only then it matters whether there is an instance now. Where there could be one the request
//     is held, and otherwise refused (without_instance).
//
// The route is kept with the invocation last, once it will be sent: hold() would only drop it.
void RouterCore::dispatch(std::unique_ptr<Invocation> invocation) {
  if (invocation->pipeline_ && invocation->pipeline_->is_under_way())
    return dispatch_further(std::move(invocation));
  const InvokeRequest& request = invocation->request;
  FleetView* fleet = view_.find(request.fleet);
  if (fleet == nullptr && !routes_.complete()) return hold(std::move(invocation));
  if (fleet == nullptr)
    return refuse(std::move(invocation), InvokeFailure::not_found, "there is no such fleet");
  LegView* const leg =
      invocation->generation_ == 0 ? picker_.leg(*fleet) : fleet->leg_of(invocation->generation_);
  if (leg != nullptr && leg->route->access != request.access)
    return refuse(std::move(invocation), InvokeFailure::other_access, "it is asked in another way");
  if (!request.instance.empty()) return dispatch_pinned(std::move(invocation), *fleet);
  if (leg == nullptr)
    return refuse(std::move(invocation), InvokeFailure::not_serving, "nothing of it serves yet");
  VariantView* variant = picker_.variant(*leg, request.target_variant, invocation->audience_);
  if (variant == nullptr && !request.target_variant.empty())
    return refuse(std::move(invocation), InvokeFailure::no_such_variant,
                  fmt::format("it has no variant '{}'", request.target_variant));
  if (variant != nullptr && !variant->route->models && !request.model.empty())
    return refuse(std::move(invocation), InvokeFailure::model_unexpected, "it has one model");
  const bool direct = variant != nullptr && variant->route->execution == Execution::direct;
  if (variant != nullptr && !request.container.empty() && !direct)
    return refuse(std::move(invocation), InvokeFailure::not_direct,
                  "its containers are not asked one by one");
  if (variant != nullptr && variant->route->elastic)
    return dispatch_elastic(std::move(invocation), *leg, *variant);
  if (variant == nullptr) return without_instance(std::move(invocation), *leg->route, nullptr);
  if (direct) variant = Picker::container(*variant, request.container);
  if (variant == nullptr)
    return refuse(std::move(invocation), InvokeFailure::no_such_container,
                  fmt::format("it has no container '{}'", request.container));
  if (variant->links.empty())
    return without_instance(std::move(invocation), *leg->route, variant->route);
  invocation->route_ = leg->route;
  dispatch_to(std::move(invocation), *variant);
}

// To an instance of this variant or container, which belongs to the invocation's route.
void RouterCore::dispatch_to(std::unique_ptr<Invocation> invocation, const VariantView& variant) {
  if (variant.links.empty()) return hold(std::move(invocation));
  invocation->variant_ = variant.route;
  invocation->cells_ = variant.cells;
  if (variant.route->execution == Execution::serial && !invocation->pipeline_)
    invocation->pipeline_ = std::make_unique<SerialPipeline>(invocation->request);
  if (invocation->pipeline_) invocation->pipeline_->fit(invocation->request, *variant.route);
  if (variant.route->models) return dispatch_to_model(std::move(invocation));
  const InstanceLink* not_this = invocation->instance_;
  for (unsigned tries = 0; tries < attempts_max; ++tries) {
    InstanceLink* link = picker_.instance(variant, not_this);
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

// To the one instance that it names, in whichever generation that is, or to none.
void RouterCore::dispatch_pinned(std::unique_ptr<Invocation> invocation, FleetView& fleet) {
  const InvokeRequest& request = invocation->request;
  const auto [leg, variant, link] = fleet.find_instance(request.instance);
  if (link == nullptr && !routes_.complete()) return hold(std::move(invocation));
  if (link == nullptr)
    return refuse(std::move(invocation), InvokeFailure::no_such_instance, "the instance is gone");
  if (const auto against = contradiction(request, *variant->route))
    return refuse(std::move(invocation), against->first, against->second);
  invocation->route_ = leg->route;
  dispatch_to(std::move(invocation),
              {.route = variant->route, .cells = variant->cells, .links = {link}});
}

// The next container of a series. What an update or a removal replaced meanwhile is still there for
// those that began with it: the invocation holds the route, and with it its instances.
void RouterCore::dispatch_further(std::unique_ptr<Invocation> invocation) {
  const VariantRoute& next = *invocation->variant_;
  FleetView* const fleet = view_.find(invocation->request.fleet);
  LegView* const now = fleet == nullptr ? nullptr : fleet->leg_of(invocation->route_->generation);
  if (now != nullptr)
    for (const VariantView& variant : now->variants)
      if (variant.route->name == next.name && variant.route->position == next.position) {
        invocation->route_ = now->route;
        return dispatch_to(std::move(invocation), variant);
      }
  VariantView former{.route = &next, .cells = invocation->cells_, .links = {}};
  for (const auto& instance : next.instances) former.links.push_back(&view_.link_of(instance));
  dispatch_to(std::move(invocation), former);
}

bool RouterCore::send(std::unique_ptr<Invocation>& invocation, InstanceLink& link) {
  Invocation& sent = *invocation;
  sent.instance_ = &link;
  sent.sent_at_ = loop_.now();
  std::unique_ptr<Exchange> exchange = std::move(invocation);
  if (!link.send(exchange, time_left(sent))) {
    invocation = invocation_of(std::move(exchange));
    return false;
  }
  ++sent.attempts_;
  link.instance().outstanding.fetch_add(1, std::memory_order_relaxed);
  ++under_way_;
  keep_sweeping();
  sent.sent();
  return true;
}

// ---- Waiting for an instance ----

// `variant` is null where none was picked: then what all of them have in common counts.
void RouterCore::without_instance(std::unique_ptr<Invocation> invocation,
                                  const GenerationRoute& route, const VariantRoute* variant) {
  using Use = VariantRoute::Use;
  const auto all = [&](Use use) {
    if (variant != nullptr) return variant->use == use;
    return std::ranges::all_of(route.variants,
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
  if (!invocation->pipeline_ || !invocation->pipeline_->is_under_way()) {
    invocation->route_.reset();
    invocation->variant_ = nullptr;
  }
  invocation->instance_ = nullptr;
  set_model(*invocation, {});
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

void RouterCore::sweep() {
  sweep_timer_ = 0;
  if (under_way_ > 0) view_.expire(loop_.now());
  view_.drop_retired();
  dispatch_held();
  advance_queues();
  if (under_way_ > 0 || !held_.empty() || !waiting_.empty() || view_.has_retired()) keep_sweeping();
}

Router::Router(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures)
    : core_(std::make_shared<RouterCore>(loop, routes, random, captures)) {
  core_->open();
}
Router::~Router() { core_->close(); }

void Router::invoke(std::unique_ptr<Invocation> invocation) {
  core_->invoke(std::move(invocation));
}

std::shared_ptr<const FleetRoute> Router::route_of(std::string_view fleet) {
  return core_->route_of(fleet);
}

std::vector<VariantCounters> Router::counters() const { return core_->counters(); }

}  // namespace slipway::routing
