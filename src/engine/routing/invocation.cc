#include "engine/routing/invocation.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace slipway::routing {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds time_left_min{1};

std::uint64_t body_bytes(const InvokeRequest& request) {
  return request.body_files ? request.body_files().length : request.body.size();
}

}  // namespace

std::chrono::milliseconds Invocation::time_left(Instant now) const {
  const bool elastic =
      variant_ != nullptr && std::holds_alternative<ElasticRoute>(variant_->serving);
  const auto limit = elastic ? elastic_limit(request, route_->request_timeout)
                     : request.time_limit.count() > 0 ? request.time_limit
                                                      : route_->request_timeout;
  const auto left = arrived_at_ + limit - now;
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), time_left_min);
}

std::chrono::microseconds Invocation::model_time(Instant now) const {
  const auto before = pipeline_ ? pipeline_->model_time() : 0us;
  return before + std::chrono::duration_cast<std::chrono::microseconds>(now - sent_at_);
}

// A whole answer comes over the link or over HTTP, which have limits of their own; who asked finds
// one for both.
std::uint64_t Invocation::answer_limit() const {
  const auto* const elastic = std::get_if<ElasticRoute>(&variant_->serving);
  if (elastic != nullptr && elastic->limits.body_bytes_max != 0)
    return elastic->limits.body_bytes_max;
  const bool is_whole = request.answer_mode == AnswerMode::whole;
  return is_whole ? answer_bytes_max : std::numeric_limits<std::uint64_t>::max();
}

void Invocation::tell_origin(InvokeAnswer& answer, Instant now) const {
  answer.variant = variant_->name;
  answer.container = variant_->container();
  if (lets_name_instances(variant_->serving)) answer.instance = instance_->instance().key.text;
  answer.model_time = model_time(now);
}

void Invocation::count_answer(int status, Instant now) const {
  const std::uint64_t bytes = pipeline_ ? pipeline_->body_of_caller().size() : body_bytes(request);
  cells_->note_answer(status, model_time(now), bytes);
}

void Invocation::set_model(ModelHandle model) {
  model_ = std::move(model);
  instance_model_ = model_ ? model_.name() : std::string_view();
}

bool Invocation::has_lost_model(int status) {
  if (status != 404 || !model_ || std::exchange(model_lost_, true)) return false;
  model_.lose();
  return true;
}

void Invocation::refuse(InvokeFailure failure, std::string_view detail) {
  if (cells_ != nullptr) cells_->note_failure();
  failed(failure, detail, variant_ == nullptr ? std::string_view() : variant_->name);
}

}  // namespace slipway::routing
