// Buckets and objects, joined: what lies in them, what ends in them by itself, and who is told.
#pragma once

#include <memory>

#include "engine/objects/lifecycle.h"
#include "engine/objects/objects.h"
#include "server/event_engine.h"
#include "server/foundation.h"
#include "service/s3/lifecycle.h"
#include "service/s3/notices.h"

namespace slipway::server {

// The assembly of the engine of objects.
class ObjectEngine {
 public:
  // Both outlive it. Adds its reconciler.
  static Result<std::unique_ptr<ObjectEngine>> open(Foundation& base, EventEngine& events);

  std::unique_ptr<objects::Objects> objects;
  s3::LifecycleTexts lifecycle_texts;
  objects::Lifecycle lifecycle;
  s3::Notices notices;

 private:
  ObjectEngine(Foundation& base, EventEngine& events, std::unique_ptr<objects::Objects> opened);
};

}  // namespace slipway::server
