// Model artifacts from the server's own buckets.
#pragma once

#include "engine/fleet/artifacts.h"
#include "engine/objects/objects.h"
#include "store/store.h"

namespace slipway::server {

// An artifact's URI is an object's, or that of the folder above several; the fleet engine knows no
// buckets, the objects engine no artifacts.
class ObjectArtifacts final : public fleet::ArtifactSource {
 public:
  // Both outlive this object.
  ObjectArtifacts(store::Store& store, objects::Objects& objects)
      : store_(store), objects_(objects) {}

  Result<std::vector<fleet::ArtifactEntry>> list(const fleet::Artifact& artifact) override;
  Result<std::unique_ptr<fleet::ArtifactReader>> open(const fleet::ArtifactEntry& entry) override;

 private:
  store::Store& store_;
  objects::Objects& objects_;
};

}  // namespace slipway::server
