#include "engine/routing/model_dispatch.h"

#include <algorithm>
#include <utility>

namespace slipway::routing {

void ModelDispatch::dispatch(std::unique_ptr<Invocation> invocation,
                             const std::shared_ptr<ModelLoader>& loader) {
  if (invocation->request.model.empty())
    return invocation->refuse(InvokeFailure::model_missing, "it has many models");
  invocation->set_model({});
  const Instant deadline = loop_.now() + invocation->time_left(loop_.now());
  if (auto model = gate_.admit(invocation, loader, deadline))
    on_model_ready(std::move(invocation), std::move(model));
}

// An instance that left meanwhile is asked no more: the model is looked for anew.
void ModelDispatch::on_model_ready(std::unique_ptr<Invocation> invocation, ModelHandle model) {
  const auto& instances = invocation->variant_->instances;
  const auto at = std::ranges::find_if(
      instances, [&](const auto& instance) { return instance->number == model.instance(); });
  InstanceLink* const link =
      at == instances.end() ? nullptr : view_.routed_link(invocation->request.fleet, **at);
  invocation->set_model(std::move(model));
  if (link == nullptr || !sender_.send(invocation, *link)) sender_.hold(std::move(invocation));
}

void ModelDispatch::on_model_refused(std::unique_ptr<Invocation> invocation,
                                     const ModelRefusal& refusal) {
  InvokeAnswer answer{.status = refusal.status, .body = refusal.body};
  invocation->sent_at_ = loop_.now();
  invocation->count_answer(answer.status, loop_.now());
  answer.variant = invocation->variant_->name;
  invocation->answered(answer);
}

void ModelDispatch::on_model_failed(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                                    std::string_view detail) {
  invocation->refuse(failure, detail);
}

}  // namespace slipway::routing
