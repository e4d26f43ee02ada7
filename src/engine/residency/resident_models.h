// The models of one variant that has a collection of them: asks its instances to load them and to
// let them go.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/artifacts/artifact.h"
#include "engine/residency/model_collection.h"
#include "engine/residency/model_folders.h"
#include "engine/residency/model_residency.h"
#include "engine/routing/model_loader.h"
#include "engine/routing/routes.h"
#include "net/loop.h"

namespace slipway::residency {

// Limits.
inline constexpr std::size_t model_answer_bytes_max = 1024 * 1024;  // of what is not an invocation
inline constexpr std::size_t model_pages_max = 10'000;

// Thread-safe. Held by routes, and by whoever uses one of its models. The routers of all loops ask
// the same object; its lock is held for the look-up and never while anything waits.
//
// The instances are asked over HTTP, at the path for models that their request form names
// (RequestForm::models_path), on the loop given. An instance that a former process of this server
// filled is asked first what it has.
class ResidentModels final : public routing::ModelLoader,
                             public std::enable_shared_from_this<ResidentModels> {
 public:
  struct Needs {
    net::Loop& loop;
    artifacts::Artifacts& artifacts;
    ModelFolders& folders;
    // Takes files from the disk that nothing needs; may be empty. Any thread.
    std::function<void(std::string content)> discard;
  };

  ResidentModels(Needs needs, ModelCollection collection);
  ~ResidentModels() override;

  routing::ModelHandle find(std::string_view model) override;
  void await(std::string_view model, Instant now, Instant deadline, Done done) override;

  // The instances that serve now.
  void set_instances(std::span<const std::shared_ptr<const routing::InstanceRoute>> instances);

  // The contents on disk that models in memory came from.
  std::vector<std::string> contents() const;

 private:
  class Wire;

  void release(routing::LoadedModel& model) override;
  void lose(routing::LoadedModel& model) override;
  void perform(std::unique_lock<std::mutex> lock);
  void perform(ModelResidency::Effect effect);
  void fetch(const ModelResidency::Fetch& wanted);
  void wake(ModelResidency::Wake wake);
  template <typename Change>
  void change(Change&& change);
  void keep_ticking();
  std::string uri_of(std::string_view model) const;

  const Needs needs_;
  const ModelCollection collection_;
  std::shared_ptr<Wire> wire_;  // used on the loop only
  mutable std::mutex mutex_;
  ModelResidency residency_;  // this and all below are guarded by mutex_
  ModelTicket next_ticket_ = 1;
  struct Waiting {
    std::string model;
    Done done;
  };
  std::unordered_map<ModelTicket, Waiting> waiting_;
  bool ticking_ = false;
};

}  // namespace slipway::residency
