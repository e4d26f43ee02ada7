#include "engine/residency/model_keeper.h"

namespace slipway::residency {

std::shared_ptr<ResidentModels> ModelKeeper::of(
    const Id& id, const ModelCollection& collection,
    std::span<const std::shared_ptr<const routing::InstanceRoute>> instances) {
  std::shared_ptr<ResidentModels> models;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(collections_, [](const auto& entry) { return entry.second.expired(); });
    auto& known = collections_[id];
    models = known.lock();
    if (!models) known = models = std::make_shared<ResidentModels>(needs_, collection);
  }
  models->set_instances(instances);
  return models;
}

std::set<std::string> ModelKeeper::contents() {
  std::vector<std::shared_ptr<ResidentModels>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, weak] : collections_)
      if (auto models = weak.lock()) all.push_back(std::move(models));
  }
  std::set<std::string> contents;
  for (const auto& models : all)
    for (std::string& content : models->contents()) contents.insert(std::move(content));
  return contents;
}

}  // namespace slipway::residency
