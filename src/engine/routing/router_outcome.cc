#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/routing/router_core.h"

namespace slipway::routing {

void RouterCore::let_go(Invocation& invocation) {
  invocation.instance_->instance().outstanding.fetch_sub(1, std::memory_order_relaxed);
  --under_way_;
}

// ---- What became of it ----

// Whether its request and answer are among those that are copied.
bool RouterCore::is_captured(const Invocation& invocation) {
  const auto& plan = invocation.route_->capture;
  return plan && captures_ != nullptr && picker_.chance_percent(plan->percent);
}

void RouterCore::on_answer(std::unique_ptr<Exchange> exchange, InvokeAnswer&& answer) {
  auto invocation = invocation_of(std::move(exchange));
  let_go(*invocation);
  if (answer.pace) invocation->instance_->note_pace(*answer.pace);
  if (SerialPipeline::goes_on(invocation->variant_->serving, answer.status))
    return pass_on(std::move(invocation), std::move(answer));
  if (const std::uint64_t most = invocation->answer_limit(); answer.body.size() > most)
    return invocation->refuse(InvokeFailure::too_large,
                              fmt::format("an answer has at most {} bytes, and this one has {}",
                                          most, answer.body.size()));
  if (invocation->has_lost_model(answer.status)) return dispatch(std::move(invocation));
  invocation->count_answer(answer.status, loop_.now());
  invocation->cells_->note_answer_bytes(answer.body.size());
  invocation->tell_origin(answer, loop_.now());
  // Only what was answered well is captured: a choice, AWS does not say.
  if (answer.status >= 200 && answer.status < 300 && is_captured(*invocation))
    captures_->offer(
        copy_of(invocation->request, invocation->pipeline_.get(), *invocation->route_, answer));
  invocation->answered(answer);
  mirror(std::move(invocation));
}

// A share of what was answered, or failed at an instance, goes to the shadow too. Not what is one
// already, and not what belongs to a certain instance: another knows nothing of it.
void RouterCore::mirror(std::unique_ptr<Invocation> invocation) {
  const double share = invocation->route_ ? invocation->route_->shadow_share : 0;
  if (share <= 0 || closed_ || invocation->audience_ == Audience::shadow || invocation->pipeline_ ||
      !invocation->request.instance.empty() || !picker_.chance(share) ||
      !shadows_.has_room_for(invocation->request.body.size()))
    return;
  const Generation generation = invocation->route_->generation;
  const auto& variants = invocation->route_->variants;
  const auto shadow = std::ranges::find(variants, Audience::shadow, &VariantRoute::audience);
  invocation->permit_ = Permit();
  invocation->carrier_ = nullptr;  // it has ended; only what it owns is needed still
  auto copy = std::make_unique<ShadowInvocation>(std::move(invocation), shadow->name, shadows_);
  copy->audience_ = Audience::shadow;
  copy->generation_ = generation;
  invoke(std::move(copy));
}

// The answer of one container is the request of the next.
void RouterCore::pass_on(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer) {
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - invocation->sent_at_);
  invocation->pipeline_->take(answer, took, invocation->request);
  ++invocation->variant_;  // in the route, the containers of a variant follow each other
  invocation->instance_ = nullptr;
  invocation->attempts_ = 0;
  dispatch_further(std::move(invocation));
}

void RouterCore::on_begun(Exchange& exchange, InvokeAnswer&& head) {
  auto& invocation = static_cast<Invocation&>(exchange);
  if (head.pace) invocation.instance_->note_pace(*head.pace);
  invocation.tell_origin(head, loop_.now());
  head.part_border = invocation.route_->part_border;
  if (is_captured(invocation))
    invocation.captured_ = std::make_unique<CaptureRecord>(
        copy_of(invocation.request, invocation.pipeline_.get(), *invocation.route_, head));
  invocation.begun(head);
}

void RouterCore::on_part(Exchange& exchange, std::string_view bytes) {
  auto& invocation = static_cast<Invocation&>(exchange);
  invocation.cells_->note_answer_bytes(bytes.size());
  if (ElasticDispatch::exceeds_limit(invocation, bytes)) return cut_off(invocation);
  if (invocation.captured_) add_part(*invocation.captured_, bytes);
  invocation.part(bytes);
}

void RouterCore::on_ended(std::unique_ptr<Exchange> exchange) {
  auto invocation = invocation_of(std::move(exchange));
  let_go(*invocation);
  invocation->count_answer(200, loop_.now());
  if (invocation->captured_) captures_->offer(std::move(*invocation->captured_));
  invocation->ended();
  mirror(std::move(invocation));
}

void RouterCore::cut_off(Invocation& invocation) {
  let_go(invocation);
  invocation.refuse(InvokeFailure::too_large,
                    fmt::format("an answer has at most {} bytes", invocation.answer_limit()));
  invocation.link()->drop(invocation);
}

void RouterCore::set_paused(Invocation& invocation, Flow flow) {
  if (invocation.has_begun() && invocation.link() != nullptr)
    invocation.link()->set_paused(invocation, flow);
}

// It is either held or under way at a link: between the two nobody outside is called.
void RouterCore::give_up(Invocation& invocation) {
  if (invocation.link() == nullptr) {
    if (elastic_.remove(invocation)) return;
    models_.forget(invocation);
    std::erase_if(held_, [&](const auto& held) { return held.get() == &invocation; });
    return;
  }
  let_go(invocation);
  invocation.count_answer(200, loop_.now());
  invocation.link()->drop(invocation);
}

void RouterCore::on_unsent(std::unique_ptr<Exchange> exchange, std::string_view why) {
  auto invocation = invocation_of(std::move(exchange));
  let_go(*invocation);
  if (closed_) return invocation->refuse(InvokeFailure::unavailable, why);
  if (invocation->attempts_ < attempts_max ||
      std::holds_alternative<ElasticRoute>(invocation->variant_->serving))
    return dispatch(std::move(invocation));
  hold(std::move(invocation));
}

void RouterCore::on_failure(std::unique_ptr<Exchange> exchange, InvokeFailure failure,
                            std::string_view why) {
  auto invocation = invocation_of(std::move(exchange));
  let_go(*invocation);
  // What breaks because this server ends is not the instance's fault.
  if (closed_ && invocation->has_begun()) failure = InvokeFailure::unavailable;
  const auto ending =
      failure == InvokeFailure::broken ? invocation->instance_->instance().ending.load() : nullptr;
  invocation->refuse(failure, ending ? "the instance ended: " + *ending : why);
  mirror(std::move(invocation));
}

void RouterCore::on_again_by_http(std::unique_ptr<Exchange> exchange) {
  const auto& invocation = static_cast<const Invocation&>(*exchange);
  if (!invocation.instance_->send_by_http(exchange, invocation.time_left(loop_.now())))
    on_failure(std::move(exchange), InvokeFailure::too_large,
               "the answer does not fit into a frame and the instance has no HTTP");
}

}  // namespace slipway::routing
