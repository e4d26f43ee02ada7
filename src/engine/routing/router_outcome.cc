#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "engine/routing/router_core.h"

namespace slipway::routing {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds time_left_min{1};

// One writer; readers on other threads see each number whole.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

std::string_view name_of(InvokeFailure failure) {
  switch (failure) {
    case InvokeFailure::not_found: return "not_found";
    case InvokeFailure::other_access: return "other_access";
    case InvokeFailure::no_such_variant: return "no_such_variant";
    case InvokeFailure::no_such_container: return "no_such_container";
    case InvokeFailure::not_direct: return "not_direct";
    case InvokeFailure::no_such_instance: return "no_such_instance";
    case InvokeFailure::other_instance: return "other_instance";
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
    case InvokeFailure::model_missing: return "model_missing";
    case InvokeFailure::model_unexpected: return "model_unexpected";
    case InvokeFailure::no_such_model: return "no_such_model";
    case InvokeFailure::model_unusable: return "model_unusable";
    case InvokeFailure::model_loading: return "model_loading";
  }
  return "unknown";
}

Invocation::Invocation() = default;
Invocation::~Invocation() = default;

std::string_view Invocation::container() const {
  return variant_ == nullptr ? std::string_view() : variant_->container;
}

std::chrono::milliseconds RouterCore::time_left(const Invocation& invocation) const {
  const auto limit = invocation.variant_ != nullptr && invocation.variant_->elastic
                         ? elastic_limit(invocation.request, invocation.route_->request_timeout)
                     : invocation.request.time_limit.count() > 0
                         ? invocation.request.time_limit
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
  const auto before = invocation.relay_ ? invocation.relay_->model_time() : 0us;
  return before +
         std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - invocation.sent_at_);
}

std::uint64_t RouterCore::request_bytes(const Invocation& invocation) {
  if (invocation.relay_) return invocation.relay_->body_of_caller().size();
  const InvokeRequest& request = invocation.request;
  return request.body_files ? request.body_files().length : request.body.size();
}

void RouterCore::count(Invocation& invocation, int status) const {
  VariantCells& cells = *invocation.cells_;
  const auto us =
      static_cast<std::uint64_t>(std::max<std::int64_t>(time_since_sent(invocation).count(), 0));
  add(cells.invocations, 1);
  add(cells.model_time_us, us);
  add(cells.request_bytes, request_bytes(invocation));
  add(cells.model_time[std::min<std::size_t>(us == 0 ? 0 : std::bit_width(us) - 1U, 31)], 1);
  if (status >= 500)
    add(cells.answers_5xx, 1);
  else if (status >= 400)
    add(cells.answers_4xx, 1);
}

void RouterCore::on_answer(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer) {
  let_go(*invocation);
  if (Relay::goes_on(*invocation->variant_, answer.status))
    return relay(std::move(invocation), std::move(answer));
  if (answer.body.size() > answer_limit(*invocation))
    return refuse_answer(std::move(invocation), answer);
  if (has_lost_model(*invocation, answer.status)) return dispatch(std::move(invocation));
  count(*invocation, answer.status);
  add(invocation->cells_->answer_bytes, answer.body.size());
  tell_origin(*invocation, answer);
  if (invocation->route_->capture) capture(*invocation, answer);
  invocation->answered(answer);
  mirror(std::move(invocation));
}

// A share of what was answered, or failed at an instance, goes to the shadow too. Not what is one
// already, and not what belongs to a certain instance: another knows nothing of it.
void RouterCore::mirror(std::unique_ptr<Invocation> invocation) {
  const double share = invocation->route_ ? invocation->route_->shadow_share : 0;
  if (share <= 0 || closed_ || invocation->audience_ == Audience::shadow || invocation->relay_ ||
      !invocation->request.instance.empty() || random_.fraction() >= share ||
      !shadows_.has_room_for(invocation->request.body.size()))
    return;
  const auto& variants = invocation->route_->variants;
  const auto shadow = std::ranges::find(variants, Audience::shadow, &VariantRoute::audience);
  invocation->turn_ = ElasticTurn();
  invocation->router_ = nullptr;  // it has ended; only what it owns is needed still
  auto copy = std::make_unique<ShadowInvocation>(std::move(invocation), shadow->name, shadows_);
  copy->audience_ = Audience::shadow;
  invoke(std::move(copy));
}

// The answer of one container is the request of the next.
void RouterCore::relay(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer) {
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - invocation->sent_at_);
  invocation->relay_->take(answer, took, invocation->request);
  ++invocation->variant_;  // in the route, the containers of a variant follow each other
  invocation->link_ = nullptr;
  invocation->place_ = {};
  invocation->attempts_ = 0;
  dispatch_further(std::move(invocation));
}

void RouterCore::tell_origin(const Invocation& invocation, InvokeAnswer& answer) const {
  answer.variant = invocation.variant_->name;
  answer.container = invocation.variant_->container;
  if (!invocation.relay_ && !invocation.variant_->elastic && !invocation.variant_->models)
    answer.instance = invocation.link_->instance().key.text;
  answer.model_time = time_since_sent(invocation);
}

void RouterCore::on_begun(Invocation& invocation, InvokeAnswer&& head) {
  invocation.place_.begun = true;
  tell_origin(invocation, head);
  head.part_border = invocation.route_->part_border;
  if (invocation.route_->capture) begin_capture(invocation, head);
  invocation.begun(head);
}

void RouterCore::on_part(Invocation& invocation, std::string_view bytes) {
  add(invocation.cells_->answer_bytes, bytes.size());
  if (exceeds_limit(invocation, bytes)) return cut_off(invocation);
  if (invocation.captured_) capture_part(*invocation.captured_, bytes);
  invocation.part(bytes);
}

void RouterCore::on_ended(std::unique_ptr<Invocation> invocation) {
  let_go(*invocation);
  count(*invocation, 200);
  if (invocation->captured_) captures_->offer(std::move(*invocation->captured_));
  invocation->ended();
  mirror(std::move(invocation));
}

void RouterCore::set_paused(Invocation& invocation, Flow flow) {
  if (invocation.place_.begun) invocation.link_->set_paused(invocation, flow);
}

// It is either held or under way at a link: between the two nobody outside is called.
void RouterCore::give_up(Invocation& invocation) {
  if (invocation.place_.way == ExchangePlace::Way::none) {
    if (lines_.remove(invocation)) return;
    models_.forget(invocation);
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
  refuse(*invocation, failure, ending ? "the instance ended: " + *ending : why);
  mirror(std::move(invocation));
}

void RouterCore::on_again_by_http(std::unique_ptr<Invocation> invocation) {
  const auto left = time_left(*invocation);
  if (!invocation->link_->send_by_http(invocation, left))
    on_failure(std::move(invocation), InvokeFailure::too_large,
               "the answer does not fit into a frame and the instance has no HTTP");
}

void RouterCore::refuse(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                        std::string_view detail) {
  refuse(*invocation, failure, detail);
}

void RouterCore::refuse(Invocation& invocation, InvokeFailure failure, std::string_view detail) {
  if (invocation.cells_ != nullptr) {
    add(invocation.cells_->invocations, 1);
    add(invocation.cells_->failures, 1);
  }
  const std::string_view variant =
      invocation.variant_ == nullptr ? std::string_view() : invocation.variant_->name;
  invocation.failed(failure, detail, variant);
}

}  // namespace slipway::routing
