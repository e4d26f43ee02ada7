#include "engine/residency/known_models.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "base/encoding.h"

namespace slipway::residency {

namespace {

constexpr std::size_t name_digits = 32;

}  // namespace

std::string KnownModels::name_for(std::string_view collection, std::string_view model) {
  return sha256_hex(fmt::format("{}\n{}", collection, model)).substr(0, name_digits);
}

KnownModel* KnownModels::find(std::string_view model) const {
  const auto found = by_model_.find(model);
  return found == by_model_.end() ? nullptr : found->second;
}

KnownModel* KnownModels::find_named(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

KnownModel& KnownModels::of(std::string_view asked) {
  if (KnownModel* const known = find(asked)) return *known;
  KnownModel& model = named(name_for(collection_, asked));
  model.model = asked;
  by_model_[model.model] = &model;
  return model;
}

KnownModel& KnownModels::named(const std::string& name) {
  auto& model = by_name_[name];
  if (!model) {
    model = std::make_unique<KnownModel>();
    model->name = name;
    model->hash = std::hash<std::string>{}(name);
  }
  return *model;
}

void KnownModels::forget(KnownModel& model) {
  by_model_.erase(model.model);
  by_name_.erase(by_name_.find(model.name));
}

ModelCopy* KnownModels::find_copy(HostId host, const std::string& name) const {
  const KnownModel* const model = find_named(name);
  if (model == nullptr) return nullptr;
  for (ModelCopy* copy : model->copies)
    if (copy->instance == host) return copy;
  return nullptr;
}

ModelCopy& KnownModels::add_copy(KnownModel& model, ModelHost& host) {
  ModelCopy& copy = copies_.emplace_back();
  copy.self = std::prev(copies_.end());
  copy.model = &model;
  copy.host = &host;
  copy.instance = host.id();
  copy.name = model.name;
  model.copies.push_back(&copy);
  return copy;
}

void KnownModels::drop(ModelCopy& copy) {
  if (copy.state == ModelCopy::State::gone) return;
  copy.host->remove(copy);
  std::erase(std::exchange(copy.model, nullptr)->copies, &copy);
  free_if_unpinned(copy);
}

void KnownModels::free_if_unpinned(ModelCopy& copy) {
  if (copy.pins == 0 && copy.state == ModelCopy::State::gone) copies_.erase(copy.self);
}

std::vector<std::string> KnownModels::contents() const {
  std::vector<std::string> contents;
  for (const auto& [name, model] : by_name_)
    if (!model->copies.empty() && model->files == KnownModel::Files::here)
      contents.push_back(model->artifact.content);
  return contents;
}

}  // namespace slipway::residency
