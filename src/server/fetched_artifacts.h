// Artifacts from the server's own buckets, on this disk.
#pragma once

#include <filesystem>

#include "base/disk_room.h"
#include "base/worker_pool.h"
#include "engine/artifacts/artifact_cache.h"
#include "engine/objects/objects.h"
#include "server/object_artifacts.h"
#include "store/store.h"

namespace slipway::server {

// Joins the cache and its source. Thread-safe.
class FetchedArtifacts {
 public:
  // All outlive this object; the workers are stopped before it goes.
  struct Needs {
    std::filesystem::path folder;
    store::Store& store;
    objects::Objects& objects;
    DiskRoom& disk;
    WorkerPool& workers;
    service::LaterErrands errands;
  };
  explicit FetchedArtifacts(const Needs& needs)
      : source_(needs.store, needs.objects, needs.errands),
        cache_(needs.folder, source_, needs.workers, {.room = &needs.disk}) {}

  artifacts::ArtifactCache& cache() { return cache_; }
  // As ObjectArtifacts.
  Result<> may_read(store::Transaction& tx, const artifacts::Artifact& artifact) const {
    return source_.may_read(tx, artifact);
  }

 private:
  ObjectArtifacts source_;
  artifacts::ArtifactCache cache_;
};

}  // namespace slipway::server
