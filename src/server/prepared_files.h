// Instances are given these from this disk beside artifacts: environments and folders of models.
#pragma once

#include <filesystem>

#include "base/disk_room.h"
#include "base/random.h"
#include "base/worker_pool.h"
#include "engine/artifacts/artifact_cache.h"
#include "engine/environments/environment_cache.h"
#include "engine/fleet/fleet.h"
#include "engine/residency/model_folders.h"
#include "engine/residency/model_keeper.h"
#include "net/loop.h"
#include "place/place.h"
#include "server/job_engine.h"
#include "store/store.h"

namespace slipway::server {

// Joins what makes them, and removes what nothing needs. Thread-safe.
class PreparedFiles {
 public:
  // All outlive this object; the loop and the workers are stopped before it goes.
  struct Needs {
    std::filesystem::path data;
    store::Store& store;
    artifacts::ArtifactCache& artifacts;
    DiskRoom& disk;
    WorkerPool& workers;
    net::Loop& loop;
    place::Place& place;
    const JobEngine& jobs;
    engine::Changes& changes;
    Random& random;
  };
  explicit PreparedFiles(const Needs& needs);

  environments::Environments& environments() { return environments_; }
  residency::ModelKeeper& models() { return models_; }

  void observe(const place::Observation& observation);

  // Removes what neither fleets and jobs, as they are stored, nor requests for models need; keeps
  // some of it for the next deployment. Walks the tree: on a worker, now and then.
  void collect();

  // Ends what is being made, and makes nothing more.
  void stop();

 private:
  Result<fleet::Used> used();
  void discard(const std::string& content);
  void relieve();

  store::Store& store_;
  WorkerPool& workers_;
  artifacts::ArtifactCache& artifacts_;
  environments::EnvironmentCache environments_;
  residency::ModelFolders model_folders_;
  residency::ModelKeeper models_;
};

}  // namespace slipway::server
