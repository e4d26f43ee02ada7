// The way of a request that names one of a variant's many models.
#include <algorithm>
#include <utility>

#include "engine/routing/router_core.h"

namespace slipway::routing {

void RouterCore::dispatch_to_model(std::unique_ptr<Invocation> invocation) {
  const auto& models = invocation->variant_->models;
  if (invocation->request.model.empty())
    return refuse(std::move(invocation), InvokeFailure::model_missing, "it has many models");
  set_model(*invocation, {});
  const Instant deadline = loop_.now() + time_left(*invocation);
  if (auto model = models_.admit(invocation, models, deadline))
    on_model_ready(std::move(invocation), std::move(model));
}

// An instance that left meanwhile is asked no more: the model is looked for anew.
void RouterCore::on_model_ready(std::unique_ptr<Invocation> invocation, ModelHandle model) {
  const auto& instances = invocation->variant_->instances;
  const auto at = std::ranges::find_if(
      instances, [&](const auto& instance) { return instance->number == model.instance(); });
  InstanceLink* const link =
      at == instances.end() ? nullptr : view_.routed_link(invocation->request.fleet, **at);
  set_model(*invocation, std::move(model));
  if (link == nullptr || !send(invocation, *link)) hold(std::move(invocation));
}

void RouterCore::on_model_refused(std::unique_ptr<Invocation> invocation,
                                  const ModelRefusal& refusal) {
  InvokeAnswer answer{.status = refusal.status, .body = refusal.body};
  invocation->sent_at_ = loop_.now();
  count(*invocation, answer.status);
  answer.variant = invocation->variant_->name;
  invocation->answered(answer);
}

void RouterCore::on_model_failed(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                                 std::string_view detail) {
  refuse(std::move(invocation), failure, detail);
}

void RouterCore::set_model(Invocation& invocation, ModelHandle model) {
  invocation.model_ = std::move(model);
  invocation.instance_model_ = invocation.model_ ? invocation.model_.name() : std::string_view();
}

// The first time that an instance does not know the model any more it is loaded once more.
bool RouterCore::has_lost_model(Invocation& invocation, int status) {
  if (status != 404 || !invocation.model_ || std::exchange(invocation.model_lost_, true))
    return false;
  invocation.model_.lose();
  return true;
}

}  // namespace slipway::routing
