// What instances of many models see of the artifacts on this disk: each the models that it loads.
#pragma once

#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "base/result.h"
#include "base/worker_pool.h"
#include "place/place.h"

namespace slipway::residency {

// Below one directory each instance has a folder, and in it a tree for each model that it was asked
// to load, by the name that the instance knows it by: <root>/<instance>/<model>/. The trees are
// hard links to what the artifact cache keeps (no bytes; the root lies on its file system), so a
// model stays whole for who loaded it when the cache lets it go.
//
// Thread-safe. Names of models are plain: [0-9a-f].
class ModelFolders {
 public:
  // `pool`, which removes, outlives this object and is stopped before it goes.
  ModelFolders(std::filesystem::path root, WorkerPool& pool);

  // The instance's folder, made where it is not there: before it is started.
  Result<std::filesystem::path> make(const place::InstanceKey& instance);
  bool has(const place::InstanceKey& instance) const;

  // Puts the tree `artifact` there in place of what is there under that name; returns where it lies
  // now. not_found: the artifact, or the instance's folder, went meanwhile. Takes a link for each
  // file: not on a loop that serves.
  Result<std::filesystem::path> put(const place::InstanceKey& instance, const std::string& model,
                                    const std::filesystem::path& artifact);
  void take_away(const place::InstanceKey& instance, const std::string& model);

  // What the place tells, from its start on. An instance that ended has its folder removed, and
  // once adoption is done so has what a former server made for others than those that still run.
  void observe(const place::Observation& observation);

  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path folder_of(const place::InstanceKey& instance) const;
  void remove_former();

  const std::filesystem::path root_;
  WorkerPool& pool_;
  std::mutex mutex_;
  std::set<std::string> former_;  // names of folders found at the start; guarded by mutex_
};

}  // namespace slipway::residency
