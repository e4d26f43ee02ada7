// Container images, joined: what pushes go into, and what is collected.
#pragma once

#include "engine/images/collector.h"
#include "engine/images/uploads.h"
#include "engine/objects/bodies.h"
#include "server/foundation.h"
#include "server/object_engine.h"
#include "service/ecr/distribution.h"

namespace slipway::server {

// The assembly of the engine of images.
class ImageEngine {
 public:
  // Both outlive it. Adds its reconciler.
  ImageEngine(Foundation& base, ObjectEngine& objects)
      : bodies_(objects.objects->bodies()),
        uploads_(
            {.store = *base.store, .bodies = bodies_, .clock = base.clock, .random = base.random}),
        collector_(bodies_),
        door_{.uploads = uploads_,
              .bodies = bodies_,
              .anonymous = base.options.anonymous_registry(),
              .absent = base.options.absent_repositories()} {
    base.reconcilers->add(collector_);
  }

  objects::Bodies& bodies() { return bodies_; }
  const ecr::DistributionDoor& door() const { return door_; }

 private:
  objects::Bodies& bodies_;
  images::Uploads uploads_;
  images::ImageCollector collector_;
  const ecr::DistributionDoor door_;
};

}  // namespace slipway::server
