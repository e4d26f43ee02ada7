// All collections of models that fleets serve from.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <tuple>

#include "engine/fleet/plan.h"
#include "engine/fleet/resident_models.h"

namespace slipway::fleet {

// Thread-safe. Owns none of them: routes do, and those who use a model.
class ModelKeeper {
 public:
  // What `needs` borrows outlives this object and every collection.
  explicit ModelKeeper(ResidentModels::Needs needs) : needs_(std::move(needs)) {}

  // The models of that variant (which has a collection), on those instances from now on: the same
  // object for as long as anybody holds it.
  std::shared_ptr<ResidentModels> of(
      const FleetId& fleet, Generation generation, const Variant& variant,
      std::span<const std::shared_ptr<const InstanceRoute>> instances);

  // The folder that the models of an instance will lie in, made before it is started.
  Result<std::filesystem::path> make_folder(const place::InstanceKey& instance) {
    return needs_.folders.make(instance);
  }

  // The contents (FetchedArtifact::content) that models in memory came from: ArtifactCache::collect
  // must keep them.
  std::set<std::string> contents();

 private:
  using Id = std::tuple<std::string, Generation, std::string>;

  const ResidentModels::Needs needs_;
  std::mutex mutex_;
  std::map<Id, std::weak_ptr<ResidentModels>> collections_;
};

}  // namespace slipway::fleet
