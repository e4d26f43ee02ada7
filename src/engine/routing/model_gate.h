// Where one router's requests for models wait until these are loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "engine/routing/invocation.h"
#include "engine/routing/model_loader.h"

namespace slipway::routing {

// Is told how the waiting ended; on the router's loop, never from within admit().
class ModelGateUser {
 public:
  virtual ~ModelGateUser() = default;
  // `model` is loaded: the request may be sent to its host.
  virtual void on_model_ready(std::unique_ptr<Invocation> invocation, ModelHandle model) = 0;
  // The instance refused to load the model: its answer is passed up.
  virtual void on_model_refused(std::unique_ptr<Invocation> invocation,
                                const ModelRefusal& refusal) = 0;
  virtual void on_model_failed(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                               std::string_view detail) = 0;
};

// Loop thread only. Owns the requests that wait.
class ModelGate {
 public:
  // `loop` and `user` outlive this object.
  ModelGate(net::Loop& loop, ModelGateUser& user);
  ~ModelGate();  // those that wait are dropped: close() first

  // The model to be asked, where it is loaded. Otherwise the invocation was taken, and `user` is
  // told once the model is loaded, or is not by `deadline`.
  ModelHandle admit(std::unique_ptr<Invocation>& invocation,
                    const std::shared_ptr<ModelLoader>& models, Instant deadline);

  // Nobody waits for it any more: it is destroyed where it waits here.
  void forget(const Invocation& invocation);

  // Fails everything that waits, with `unavailable`.
  void close();

 private:
  struct Alive {
    ModelGate* gate = nullptr;  // null: it is gone
  };
  void settle(std::uint64_t ticket, ModelOutcome outcome);

  net::Loop& loop_;
  ModelGateUser& user_;
  std::shared_ptr<Alive> alive_;
  std::uint64_t next_ticket_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Invocation>> waiting_;
};

}  // namespace slipway::routing
