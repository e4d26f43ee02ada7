// All collections of models that fleets serve from.
#pragma once

#include <compare>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "engine/residency/model_collection.h"
#include "engine/residency/resident_models.h"
#include "engine/routing/routes.h"
#include "engine/routing/traffic.h"

namespace slipway::residency {

// Thread-safe. Owns none of them: routes do, and those who use a model.
class ModelKeeper {
 public:
  // What `needs` borrows outlives this object and every collection.
  explicit ModelKeeper(ResidentModels::Needs needs) : needs_(std::move(needs)) {}

  // Whose models they are.
  struct Id {
    routing::FleetId fleet;
    routing::Generation generation = 0;
    std::string variant;

    auto operator<=>(const Id&) const = default;
  };
  // Returns the models of `collection`, on those instances from now on: the same object for one id
  // for as long as anybody holds it.
  std::shared_ptr<ResidentModels> of(
      const Id& id, const ModelCollection& collection,
      std::span<const std::shared_ptr<const routing::InstanceRoute>> instances);

  // The folder that the models of an instance will lie in, made before it is started.
  Result<std::filesystem::path> make_folder(const place::InstanceKey& instance) {
    return needs_.folders.make(instance);
  }

  // The contents (FetchedArtifact::content) that models in memory came from: ArtifactCache::collect
  // must keep them.
  std::set<std::string> contents();

 private:
  const ResidentModels::Needs needs_;
  std::mutex mutex_;
  std::map<Id, std::weak_ptr<ResidentModels>> collections_;
};

}  // namespace slipway::residency
