#include "engine/routing/model_gate.h"

#include <utility>

#include "net/loop.h"

namespace slipway::routing {

ModelGate::ModelGate(net::Loop& loop, ModelGateUser& user)
    : loop_(loop), user_(user), alive_(std::make_shared<Alive>(this)) {}

ModelGate::~ModelGate() { alive_->gate = nullptr; }

ModelHandle ModelGate::admit(std::unique_ptr<Invocation>& invocation,
                             const std::shared_ptr<ModelLoader>& models, Instant deadline) {
  const std::string_view model = invocation->request.model;
  if (auto loaded = models->find(model)) return loaded;
  const std::uint64_t ticket = next_ticket_++;
  waiting_.emplace(ticket, std::move(invocation));
  models->await(
      model, loop_.now(), deadline,
      [&loop = loop_, alive = alive_, ticket](ModelOutcome outcome) mutable {
        loop.post([alive = std::move(alive), ticket, outcome = std::move(outcome)]() mutable {
          if (alive->gate != nullptr) alive->gate->settle(ticket, std::move(outcome));
        });
      });
  return {};
}

void ModelGate::settle(std::uint64_t ticket, ModelOutcome outcome) {
  using Why = ModelOutcome::Why;
  auto waited = waiting_.extract(ticket);
  if (!waited) return;  // closed meanwhile
  auto invocation = std::move(waited.mapped());
  switch (outcome.why) {
    case Why::ready: return user_.on_model_ready(std::move(invocation), std::move(outcome.model));
    case Why::refused: return user_.on_model_refused(std::move(invocation), outcome.refusal);
    case Why::no_files:
      // What is not there and what the model's reader may not read is one to the caller, as on AWS.
      if (outcome.error.code == ErrorCode::not_found ||
          outcome.error.code == ErrorCode::permission_denied)
        return user_.on_model_failed(std::move(invocation), InvokeFailure::no_such_model,
                                     outcome.uri);
      return user_.on_model_failed(std::move(invocation), InvokeFailure::model_unusable,
                                   outcome.error.message);
    case Why::not_ready:
      return user_.on_model_failed(std::move(invocation), InvokeFailure::model_loading,
                                   "it is still being loaded");
    case Why::crowded:
      return user_.on_model_failed(std::move(invocation), InvokeFailure::unavailable,
                                   "too many requests wait for models to be loaded");
  }
}

void ModelGate::forget(const Invocation& invocation) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.get() == &invocation; });
}

void ModelGate::close() {
  auto waiting = std::exchange(waiting_, {});
  for (auto& [ticket, invocation] : waiting)
    user_.on_model_failed(std::move(invocation), InvokeFailure::unavailable,
                          "the server is stopping");
}

}  // namespace slipway::routing
