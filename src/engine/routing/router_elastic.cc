// What a router does with requests of elastic variants.
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "engine/routing/router_core.h"

namespace slipway::routing {

void RouterCore::dispatch_elastic(std::unique_ptr<Invocation> invocation, LegView& leg,
                                  VariantView& variant) {
  const std::shared_ptr<const ElasticRoute>& elastic = variant.route->elastic;
  const std::uint64_t body_max = elastic->limits.body_bytes_max;
  if (body_max != 0 && invocation->request.body.size() > body_max)
    return refuse(std::move(invocation), InvokeFailure::request_too_large,
                  fmt::format("its requests have at most {} bytes", body_max));
  if (invocation->permit_.limiter() != elastic->limiter.get()) {
    auto permit = waiting_.has(*elastic)
                      ? std::nullopt
                      : Permit::acquire(elastic->limiter, elastic->limits.concurrency_max);
    invocation->permit_ = permit ? *std::move(permit) : Permit();
  }
  invocation->cells_ = variant.cells;
  if (invocation->permit_.limiter() != nullptr && send_elastic(invocation, leg, variant)) return;
  if (waiting_.full())
    return refuse(std::move(invocation), InvokeFailure::throttled, "too many requests wait");
  const Instant since = invocation->arrived_at_;
  Permit permit = std::exchange(invocation->permit_, {});
  waiting_.add({.invocation = std::move(invocation), .since = since, .permit = std::move(permit)},
               elastic, variant.route->name);
  keep_sweeping();
  // What became free before this one was waiting was told to nobody.
  advance_queue(elastic, leg, variant);
}

// A request that is sent keeps its permit to its end; one that waits on leaves it in the queue.
void RouterCore::advance_queue(const std::shared_ptr<const ElasticRoute>& elastic, LegView& leg,
                               VariantView& variant) {
  waiting_.advance(elastic, [&](WaitQueue::Waiting& waiting) {
    waiting.invocation->permit_ = std::move(waiting.permit);
    if (send_elastic(waiting.invocation, leg, variant)) return true;
    waiting.permit = std::exchange(waiting.invocation->permit_, {});
    return false;
  });
}

// To the instance with the least under way, as long as that is less than it may have.
bool RouterCore::send_elastic(std::unique_ptr<Invocation>& invocation, LegView& leg,
                              VariantView& variant) {
  const std::uint32_t each_max = variant.route->elastic->limits.requests_per_instance;
  InstanceLink* not_this = nullptr;
  for (unsigned tries = 0; tries < attempts_max; ++tries) {
    InstanceLink* const best = Picker::least_busy(variant, each_max, not_this);
    if (best == nullptr) break;
    invocation->route_ = leg.route;
    invocation->variant_ = variant.route;
    invocation->cells_ = variant.cells;
    if (send(invocation, *best)) return true;
    not_this = best;
  }
  invocation->route_.reset();  // what waits keeps no instance from being drained
  invocation->variant_ = nullptr;
  invocation->instance_ = nullptr;
  return false;
}

// What waits for a variant that is there no more is looked at anew.
void RouterCore::advance_queues() {
  for (const WaitQueue::Group& group : waiting_.groups()) {
    FleetView* const fleet = view_.find(group.fleet);
    const auto [leg, variant, link] =
        fleet == nullptr ? FleetView::Spot() : fleet->find_limited(group.limiter);
    if (variant == nullptr)
      for (auto& invocation : waiting_.take_all(group.limiter)) dispatch(std::move(invocation));
    else
      advance_queue(variant->route->elastic, *leg, *variant);
  }
  for (auto& [invocation, failure, detail] : waiting_.take_dropped(loop_.now()))
    refuse(std::move(invocation), failure, detail);
}

// A stream is held to the limit by what came of it so far.
bool RouterCore::exceeds_limit(Invocation& invocation, std::string_view part) {
  const auto& elastic = invocation.variant_->elastic;
  if (!elastic || elastic->limits.body_bytes_max == 0) return false;
  invocation.streamed_bytes_ += part.size();
  return invocation.streamed_bytes_ > elastic->limits.body_bytes_max;
}

void RouterCore::cut_off(Invocation& invocation) {
  let_go(invocation);
  refuse(invocation, InvokeFailure::too_large,
         fmt::format("an answer has at most {} bytes",
                     invocation.variant_->elastic->limits.body_bytes_max));
  invocation.link()->drop(invocation);
}

// A whole answer comes over the link or over HTTP, which have limits of their own; who asked finds
// one for both.
std::uint64_t RouterCore::answer_limit(const Invocation& invocation) {
  const auto& elastic = invocation.variant_->elastic;
  if (elastic && elastic->limits.body_bytes_max != 0) return elastic->limits.body_bytes_max;
  const bool is_whole = invocation.request.answer_mode == AnswerMode::whole;
  return is_whole ? answer_bytes_max : std::numeric_limits<std::uint64_t>::max();
}

void RouterCore::refuse_answer(std::unique_ptr<Invocation> invocation, const InvokeAnswer& answer) {
  const std::uint64_t most = answer_limit(*invocation);
  refuse(
      std::move(invocation), InvokeFailure::too_large,
      fmt::format("an answer has at most {} bytes, and this one has {}", most, answer.body.size()));
}

}  // namespace slipway::routing
