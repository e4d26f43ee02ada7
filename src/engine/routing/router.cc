#include "engine/routing/router.h"

#include <fmt/format.h>

#include <utility>

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
    invocation->refuse(InvokeFailure::unavailable, "the server is stopping");
  }
  elastic_.close();
  view_.clear();
}

void RouterCore::refresh() {
  refresh_posted_ = false;
  if (closed_) return;
  view_.refresh();
  if (view_.has_retired()) keep_sweeping();
  retry_waiting();
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
  if (closed_) return invocation->refuse(InvokeFailure::unavailable, "the server is stopping");
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
//     among those for which an elastic variant starts instances. Which parts of a variant can be
//     named says its kind of serving (dispatch_to).
//   - Only then it matters whether there is an instance now. Where there could be one the request
//     is held, and otherwise refused.
//
// The route is kept with the invocation last, once it will be sent: hold() would only drop it.
void RouterCore::dispatch(std::unique_ptr<Invocation> invocation) {
  if (invocation->pipeline_) {
    if (invocation->pipeline_->is_under_way()) return dispatch_further(std::move(invocation));
    invocation->pipeline_->restore(invocation->request);
    invocation->pipeline_.reset();
  }
  const InvokeRequest& request = invocation->request;
  FleetView* fleet = view_.find(request.fleet);
  if (fleet == nullptr && !routes_.complete()) return hold(std::move(invocation));
  if (fleet == nullptr)
    return invocation->refuse(InvokeFailure::not_found, "there is no such fleet");
  LegView* const leg =
      invocation->generation_ == 0 ? picker_.leg(*fleet) : fleet->leg_of(invocation->generation_);
  if (leg != nullptr && leg->route->access != request.access)
    return invocation->refuse(InvokeFailure::other_access, "it is asked in another way");
  if (!request.instance.empty()) return dispatch_pinned(std::move(invocation), *fleet);
  if (leg == nullptr)
    return invocation->refuse(InvokeFailure::not_serving, "nothing of it serves yet");
  VariantView* const variant = picker_.variant(*leg, request.target_variant, invocation->audience_);
  if (variant == nullptr && !request.target_variant.empty())
    return invocation->refuse(InvokeFailure::no_such_variant,
                              fmt::format("it has no variant '{}'", request.target_variant));
  if (variant != nullptr)
    return dispatch_to(std::move(invocation), {.leg = leg, .variant = variant});
  dispatch_to_none(std::move(invocation), *leg->route);
}

// To the one instance that it names, in whichever generation that is, or to none.
void RouterCore::dispatch_pinned(std::unique_ptr<Invocation> invocation, FleetView& fleet) {
  const InvokeRequest& request = invocation->request;
  const FleetView::Spot at = fleet.find_instance(request.instance);
  if (at.link == nullptr && !routes_.complete()) return hold(std::move(invocation));
  if (at.link == nullptr)
    return invocation->refuse(InvokeFailure::no_such_instance, "the instance is gone");
  const std::string& variant = at.variant->route->name;
  if (!request.target_variant.empty() && request.target_variant != variant)
    return invocation->refuse(InvokeFailure::other_instance,
                              fmt::format("the instance is one of variant '{}'", variant));
  dispatch_to(std::move(invocation), at);
}

bool RouterCore::send(std::unique_ptr<Invocation>& invocation, InstanceLink& link) {
  Invocation& sent = *invocation;
  sent.instance_ = &link;
  sent.sent_at_ = loop_.now();
  std::unique_ptr<Exchange> exchange = std::move(invocation);
  if (!link.send(exchange, sent.time_left(sent.sent_at_))) {
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

// Tried again with the next snapshot and with every sweep.
void RouterCore::hold(std::unique_ptr<Invocation> invocation) {
  if (closed_ || held_.size() >= held_max || loop_.now() - invocation->arrived_at_ >= hold_time_max)
    return invocation->refuse(InvokeFailure::unavailable,
                              "it has no instance that can take a request now");
  if (invocation->audience_ == Audience::shadow)
    return invocation->refuse(InvokeFailure::unavailable, "a copy waits for nothing");
  if (!invocation->pipeline_ || !invocation->pipeline_->is_under_way()) {
    invocation->route_.reset();
    invocation->variant_ = nullptr;
  }
  invocation->instance_ = nullptr;
  invocation->set_model({});
  invocation->attempts_ = 0;
  held_.push_back(std::move(invocation));
  keep_sweeping();
}

// What waits for an elastic variant that is there no more is looked at anew.
void RouterCore::retry_waiting() {
  for (std::size_t count = held_.size(); count > 0; --count) {
    auto invocation = std::move(held_.front());
    held_.pop_front();
    dispatch(std::move(invocation));
  }
  for (auto& invocation : elastic_.advance(view_, loop_.now())) dispatch(std::move(invocation));
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
  retry_waiting();
  if (under_way_ > 0 || !held_.empty() || !elastic_.empty() || view_.has_retired()) keep_sweeping();
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
