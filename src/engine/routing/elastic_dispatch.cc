#include "engine/routing/elastic_dispatch.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "engine/routing/picker.h"

namespace slipway::routing {

void ElasticDispatch::dispatch(std::unique_ptr<Invocation> invocation, const FleetView::Spot& at,
                               const ElasticRoute& elastic) {
  const std::uint64_t body_max = elastic.limits.body_bytes_max;
  if (body_max != 0 && invocation->request.body.size() > body_max)
    return invocation->refuse(InvokeFailure::request_too_large,
                              fmt::format("its requests have at most {} bytes", body_max));
  if (invocation->permit_.limiter() != elastic.limiter.get()) {
    auto permit = waiting_.has(elastic)
                      ? std::nullopt
                      : Permit::acquire(elastic.limiter, elastic.limits.concurrency_max);
    invocation->permit_ = permit ? *std::move(permit) : Permit();
  }
  invocation->cells_ = at.variant->cells;
  if (invocation->permit_.limiter() != nullptr && send(invocation, at, elastic)) return;
  if (waiting_.full())
    return invocation->refuse(InvokeFailure::throttled, "too many requests wait");
  const Instant since = invocation->arrived_at_;
  Permit permit = std::exchange(invocation->permit_, {});
  waiting_.add({.invocation = std::move(invocation), .since = since, .permit = std::move(permit)},
               elastic, at.variant->route->name);
  // What became free before this one was waiting was told to nobody.
  advance(at, elastic);
}

// A request that is sent keeps its permit to its end; one that waits on leaves it in the queue.
void ElasticDispatch::advance(const FleetView::Spot& at, const ElasticRoute& elastic) {
  waiting_.advance(elastic, [&](WaitQueue::Waiting& waiting) {
    waiting.invocation->permit_ = std::move(waiting.permit);
    if (send(waiting.invocation, at, elastic)) return true;
    waiting.permit = std::exchange(waiting.invocation->permit_, {});
    return false;
  });
}

// To the instance with the least under way, as long as that is less than it may have.
bool ElasticDispatch::send(std::unique_ptr<Invocation>& invocation, const FleetView::Spot& at,
                           const ElasticRoute& elastic) {
  const std::uint32_t each_max = elastic.limits.requests_per_instance;
  InstanceLink* not_this = nullptr;
  for (unsigned tries = 0; tries < attempts_max; ++tries) {
    InstanceLink* const best = Picker::least_busy(*at.variant, each_max, not_this);
    if (best == nullptr) break;
    invocation->route_ = at.leg->route;
    invocation->variant_ = at.variant->route;
    invocation->cells_ = at.variant->cells;
    if (sender_.send(invocation, *best)) return true;
    not_this = best;
  }
  invocation->route_.reset();  // what waits keeps no instance from being drained
  invocation->variant_ = nullptr;
  invocation->instance_ = nullptr;
  return false;
}

std::vector<std::unique_ptr<Invocation>> ElasticDispatch::advance(RouteView& view, Instant now) {
  std::vector<std::unique_ptr<Invocation>> without_variant;
  for (const WaitQueue::Group& group : waiting_.groups()) {
    FleetView* const fleet = view.find(group.fleet);
    const FleetView::Spot at =
        fleet == nullptr ? FleetView::Spot() : fleet->find_limited(group.limiter);
    if (at.variant == nullptr)
      for (auto& invocation : waiting_.take_all(group.limiter))
        without_variant.push_back(std::move(invocation));
    else
      advance(at, std::get<ElasticRoute>(at.variant->route->serving));
  }
  for (auto& [invocation, failure, detail] : waiting_.take_dropped(now))
    invocation->refuse(failure, detail);
  return without_variant;
}

void ElasticDispatch::close() {
  for (const WaitQueue::Group& group : waiting_.groups())
    for (auto& invocation : waiting_.take_all(group.limiter))
      invocation->refuse(InvokeFailure::unavailable, "the server is stopping");
}

bool ElasticDispatch::exceeds_limit(Invocation& invocation, std::string_view part) {
  const auto* const elastic = std::get_if<ElasticRoute>(&invocation.variant_->serving);
  if (elastic == nullptr || elastic->limits.body_bytes_max == 0) return false;
  invocation.streamed_bytes_ += part.size();
  return invocation.streamed_bytes_ > elastic->limits.body_bytes_max;
}

}  // namespace slipway::routing
