// Which models of a collection are known, and which copies of them there are.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/string_hash.h"
#include "engine/residency/model_host.h"

namespace slipway::residency {

// Limits.
inline constexpr std::size_t known_models_max = 100'000;

// Owns the models that were asked for or found on a host, and their copies. A model is found by
// what callers name it, and by its name on hosts, which a digest of the collection makes its own;
// one that was only found on a host has that name alone.
//
// Keeps models, copies and the books of their hosts (ModelHost) in agreement, and decides nothing:
// when a copy is made, dropped or a model forgotten is ModelResidency's to say.
class KnownModels {
 public:
  // What the model of that name is called on every host: nobody can tell the one from the other.
  static std::string name_for(std::string_view collection, std::string_view model);
  void set_collection(std::string collection) { collection_ = std::move(collection); }

  // By what callers name it; null: it is not known. The hot path.
  KnownModel* find(std::string_view model) const;
  // By its name on hosts; null: likewise.
  KnownModel* find_named(const std::string& name) const;
  // The same, known from now on.
  KnownModel& of(std::string_view model);
  KnownModel& named(const std::string& name);
  // Of one without copies.
  void forget(KnownModel& model);
  // Whether there are as many as are kept for their files alone.
  bool are_too_many() const { return by_name_.size() > known_models_max; }

  ModelCopy* find_copy(HostId host, const std::string& name) const;
  // A new copy of the model for the host, in no place there yet.
  ModelCopy& add_copy(KnownModel& model, ModelHost& host);
  // Takes the copy from its host and its model: from here on only its pins know it.
  void drop(ModelCopy& copy);
  // Of one that is gone: the last pin that knew it was released.
  void free_if_unpinned(ModelCopy& copy);

  // The contents whose files models in memory came from.
  std::vector<std::string> contents() const;

 private:
  std::string collection_;
  std::unordered_map<std::string, std::unique_ptr<KnownModel>, StringHash, std::equal_to<>>
      by_name_;
  std::unordered_map<std::string, KnownModel*, StringHash, std::equal_to<>> by_model_;
  std::list<ModelCopy> copies_;
};

}  // namespace slipway::residency
