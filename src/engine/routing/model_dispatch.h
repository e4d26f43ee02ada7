// The way of requests to variants with many models.
#pragma once

#include <memory>
#include <string_view>

#include "engine/routing/invocation.h"
#include "engine/routing/model_gate.h"
#include "engine/routing/model_loader.h"
#include "engine/routing/route_view.h"
#include "engine/routing/sender.h"
#include "net/loop.h"

namespace slipway::routing {

// Has the model loaded that a request names, and sends the request to the instance that has it.
// Loop thread only. Owns the requests that wait for a model.
class ModelDispatch final : public ModelGateUser {
 public:
  // All outlive this object.
  ModelDispatch(net::Loop& loop, RouteView& view, Sender& sender)
      : loop_(loop), view_(view), sender_(sender), gate_(loop, *this) {}

  // `invocation` knows its route and its variant, whose loader this is.
  void dispatch(std::unique_ptr<Invocation> invocation, const std::shared_ptr<ModelLoader>& loader);
  // Destroys the invocation where it waits here.
  void forget(const Invocation& invocation) { gate_.forget(invocation); }
  // Refuses all that wait, with `unavailable`.
  void close() { gate_.close(); }

  void on_model_ready(std::unique_ptr<Invocation> invocation, ModelHandle model) override;
  void on_model_refused(std::unique_ptr<Invocation> invocation,
                        const ModelRefusal& refusal) override;
  void on_model_failed(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                       std::string_view detail) override;

 private:
  net::Loop& loop_;
  RouteView& view_;
  Sender& sender_;
  ModelGate gate_;
};

}  // namespace slipway::routing
