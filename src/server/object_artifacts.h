// Model artifacts from the server's own buckets.
#pragma once

#include "engine/artifacts/artifact_cache.h"
#include "engine/objects/objects.h"
#include "service/errands.h"
#include "store/store.h"

namespace slipway::server {

// An artifact's URI is an object's, or that of the folder above several; the fleet engine knows no
// buckets, the objects engine no artifacts.
class ObjectArtifacts final : public artifacts::ArtifactSource {
 public:
  // Both outlive this object.
  ObjectArtifacts(store::Store& store, objects::Objects& objects, service::LaterErrands errands)
      : store_(store), objects_(objects), errands_(errands) {}

  // permission_denied, in SageMaker's words, where the artifact's reader may not read it now.
  Result<> may_read(store::Transaction& tx, const artifacts::Artifact& artifact) const;

  Result<std::vector<artifacts::ArtifactEntry>> list(const artifacts::Artifact& artifact) override;
  Result<std::unique_ptr<artifacts::ArtifactReader>> open(
      const artifacts::ArtifactEntry& entry) override;

 private:
  store::Store& store_;
  objects::Objects& objects_;
  const service::LaterErrands errands_;
};

}  // namespace slipway::server
