// Which of a variant's many models are loaded on which instance, as a router asks for it: the
// interface; engine/residency decides and does it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace slipway::routing {

class ModelLoader;

// A model in the memory of one instance. Belongs to its loader.
struct LoadedModel {
  std::uint64_t instance = 0;  // InstanceRoute::number
  std::string name;            // what the instance calls it
};

// A use of a model that is loaded: the model stays so for as long as this lives. Empty: of none.
class ModelHandle {
 public:
  ModelHandle() = default;
  // `model` was pinned by its loader for this handle.
  ModelHandle(std::shared_ptr<ModelLoader> loader, LoadedModel& model)
      : loader_(std::move(loader)), model_(&model) {}
  ModelHandle(ModelHandle&& other) noexcept
      : loader_(std::move(other.loader_)), model_(std::exchange(other.model_, nullptr)) {}
  ModelHandle& operator=(ModelHandle&& other) noexcept;
  ~ModelHandle() { reset(); }

  explicit operator bool() const { return model_ != nullptr; }
  std::uint64_t instance() const { return model_->instance; }
  // As long as this lives.
  std::string_view name() const { return model_->name; }
  // The instance says that it does not have it: it is loaded anew for whoever asks next.
  void lose();
  void reset();

 private:
  std::shared_ptr<ModelLoader> loader_;
  LoadedModel* model_ = nullptr;
};

// What an instance said to a load that it did not do.
struct ModelRefusal {
  int status = 0;
  std::string body;
};

// How the waiting for a model ended.
struct ModelOutcome {
  enum class Why : std::uint8_t {
    ready,      // `model` is its use
    refused,    // by the instance: `refusal`
    no_files,   // `error`
    not_ready,  // its deadline passed; the loading goes on
    crowded,    // too many wait
  };
  Why why = Why::ready;
  ModelHandle model;
  ModelRefusal refusal;
  Error error;
  std::string uri;  // no_files: where they should be
};

// Thread-safe: the routers of all loops ask the same object.
class ModelLoader {
 public:
  using Done = std::move_only_function<void(ModelOutcome)>;

  virtual ~ModelLoader() = default;

  // The hot path: returns an empty handle where no instance has the model loaded.
  virtual ModelHandle find(std::string_view model) = 0;
  // Has it loaded; at `deadline` whoever asked is told that it is not, and the loading goes on.
  // `done` is called once, on any thread, maybe within this call.
  virtual void await(std::string_view model, Instant now, Instant deadline, Done done) = 0;

 private:
  friend class ModelHandle;
  // What a handle says; `model` came from this loader.
  virtual void release(LoadedModel& model) = 0;
  virtual void lose(LoadedModel& model) = 0;
};

inline ModelHandle& ModelHandle::operator=(ModelHandle&& other) noexcept {
  if (this == &other) return *this;
  reset();
  loader_ = std::move(other.loader_);
  model_ = std::exchange(other.model_, nullptr);
  return *this;
}
inline void ModelHandle::lose() { loader_->lose(*model_); }
inline void ModelHandle::reset() {
  if (model_ == nullptr) return;
  const auto loader = std::move(loader_);
  loader->release(*std::exchange(model_, nullptr));
}

}  // namespace slipway::routing
