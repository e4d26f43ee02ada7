// Where a request goes within the variant that was picked for it: one function for each kind of
// serving, and one visit.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/routing/router_core.h"

namespace slipway::routing {

namespace {

// Why a request is not served.
struct Refusal {
  InvokeFailure failure;
  std::string_view detail;
};

constexpr Refusal none_is_wanted{InvokeFailure::at_zero, "it has no instance by wish"};
constexpr Refusal nothing_runs{InvokeFailure::offered, "it runs nothing of its own"};

// Of a variant with one model.
std::optional<Refusal> names_model(const InvokeRequest& request) {
  if (request.model.empty()) return std::nullopt;
  return Refusal{InvokeFailure::model_unexpected, "it has one model"};
}
// Of one whose containers, if there are several, the caller knows nothing of.
std::optional<Refusal> names_container(const InvokeRequest& request) {
  if (request.container.empty()) return std::nullopt;
  return Refusal{InvokeFailure::not_direct, "its containers are not asked one by one"};
}
std::optional<Refusal> names_model_or_container(const InvokeRequest& request) {
  const auto model = names_model(request);
  return model ? model : names_container(request);
}

bool refuses_at_zero(const VariantRoute& variant) {
  return std::visit(
      [](const auto& serving) {
        if constexpr (requires { serving.at_zero; })
          return serving.at_zero == AtZero::refuse;
        else
          return false;
      },
      variant.serving);
}

bool runs_nothing(const VariantRoute& variant) {
  return std::holds_alternative<MachinesRoute>(variant.serving);
}

}  // namespace

// One request on its way into the variant at `at`, and to the instance there, where the request
// names one. What the request names and this kind of serving does not have is refused first; then
// it matters whether there is an instance.
struct RouterCore::Serve {
  RouterCore& core;
  std::unique_ptr<Invocation> invocation;
  const FleetView::Spot& at;

  void operator()(const SingleModelRoute& single) {
    if (const auto wrong = names_model_or_container(invocation->request)) return refuse(*wrong);
    if (at.variant->links.empty()) return without_instance(single.at_zero);
    send_balanced(at, single.balancing);
  }

  void operator()(const MultiModelRoute& multi) {
    if (const auto wrong = names_container(invocation->request)) return refuse(*wrong);
    if (at.variant->links.empty()) return without_instance(multi.at_zero);
    invocation->route_ = at.leg->route;
    invocation->variant_ = at.variant->route;
    invocation->cells_ = at.variant->cells;
    core.models_.dispatch(std::move(invocation), multi.loader);
  }

  // The first container of a series; dispatch_further() goes on to the others.
  void operator()(const SerialContainerRoute& serial) {
    if (const auto wrong = names_model_or_container(invocation->request)) return refuse(*wrong);
    if (at.variant->links.empty()) return core.hold(std::move(invocation));
    invocation->pipeline_ = std::make_unique<SerialPipeline>(invocation->request);
    invocation->pipeline_->fit(invocation->request, serial.place);
    send_balanced(at, serial.balancing);
  }

  void operator()(const DirectContainerRoute& direct) {
    const InvokeRequest& request = invocation->request;
    const std::string& own = direct.place.name;
    if (const auto wrong = names_model(request)) return refuse(*wrong);
    if (at.link != nullptr && request.container.empty())
      return refuse({InvokeFailure::no_such_container, "none was named"});
    if (at.link != nullptr && request.container != own)
      return refuse({InvokeFailure::other_instance,
                     fmt::format("the instance is one of container '{}'", own)});
    FleetView::Spot named = at;
    if (at.link == nullptr)
      named.variant = Picker::container(*at.variant, direct.place.count, request.container);
    if (named.variant == nullptr)
      return refuse({InvokeFailure::no_such_container,
                     fmt::format("it has no container '{}'", request.container)});
    send_balanced(named, direct.balancing);
  }

  void operator()(const ElasticRoute& elastic) {
    if (const auto wrong = names_model_or_container(invocation->request)) return refuse(*wrong);
    core.elastic_.dispatch(std::move(invocation), at, elastic);
    if (!core.elastic_.empty()) core.keep_sweeping();
  }

  void operator()(const MachinesRoute& /*machines*/) {
    const auto wrong = names_model_or_container(invocation->request);
    refuse(wrong ? *wrong : nothing_runs);
  }

  void refuse(const Refusal& refusal) { invocation->refuse(refusal.failure, refusal.detail); }

  void without_instance(AtZero at_zero) {
    if (at_zero == AtZero::refuse) return refuse(none_is_wanted);
    core.hold(std::move(invocation));
  }

  // To the instance at that spot, or where it says none, to one of the variant's. Its leg is null
  // where the invocation has its route already.
  void send_balanced(const FleetView::Spot& to, Balancing balancing) {
    if (to.variant->links.empty()) return core.hold(std::move(invocation));
    if (to.leg != nullptr) invocation->route_ = to.leg->route;
    invocation->variant_ = to.variant->route;
    invocation->cells_ = to.variant->cells;
    const InstanceLink* not_this = invocation->instance_;
    for (unsigned tries = 0; tries < attempts_max; ++tries) {
      InstanceLink* const link =
          to.link != nullptr ? to.link : core.picker_.instance(*to.variant, balancing, not_this);
      if (core.send(invocation, *link)) return;
      not_this = link;
    }
    core.hold(std::move(invocation));
  }
};

void RouterCore::dispatch_to(std::unique_ptr<Invocation> invocation, const FleetView::Spot& at) {
  std::visit(Serve{*this, std::move(invocation), at}, at.variant->route->serving);
}

// Where no variant was picked it matters what all of them have in common: unless all refuse, an
// instance may come.
void RouterCore::dispatch_to_none(std::unique_ptr<Invocation> invocation,
                                  const GenerationRoute& route) {
  if (std::ranges::all_of(route.variants, refuses_at_zero))
    return invocation->refuse(none_is_wanted.failure, none_is_wanted.detail);
  if (std::ranges::all_of(route.variants, runs_nothing))
    return invocation->refuse(nothing_runs.failure, nothing_runs.detail);
  hold(std::move(invocation));
}

// The next container of a series. What an update or a removal replaced meanwhile is still there for
// those that began with it: the invocation holds the route, and with it its instances.
void RouterCore::dispatch_further(std::unique_ptr<Invocation> invocation) {
  const VariantRoute& next = *invocation->variant_;
  const auto& serial = std::get<SerialContainerRoute>(next.serving);
  invocation->pipeline_->fit(invocation->request, serial.place);
  FleetView* const fleet = view_.find(invocation->request.fleet);
  LegView* const now = fleet == nullptr ? nullptr : fleet->leg_of(invocation->route_->generation);
  VariantView former{.route = &next, .cells = invocation->cells_, .links = {}};
  FleetView::Spot at{.variant = &former};
  if (now != nullptr)
    for (VariantView& variant : now->variants)
      if (variant.route->name == next.name && variant.route->container() == serial.place.name)
        at = {.leg = now, .variant = &variant};
  if (at.leg == nullptr)
    for (const auto& instance : next.instances) former.links.push_back(&view_.link_of(instance));
  Serve{*this, std::move(invocation), at}.send_balanced(at, serial.balancing);
}

}  // namespace slipway::routing
