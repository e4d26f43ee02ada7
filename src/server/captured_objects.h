// Captured requests into the server's own buckets.
#pragma once

#include "base/random.h"
#include "engine/objects/objects.h"
#include "engine/routing/capture.h"
#include "service/errands.h"
#include "store/store.h"

namespace slipway::server {

// A sink of routing::CaptureWriter: one object a file. Everything outlives this object.
class CapturedObjects {
 public:
  CapturedObjects(store::Store& store, objects::Objects& objects, Random& random,
                  service::LaterErrands errands)
      : store_(store), objects_(objects), random_(random), errands_(errands) {}

  // not_found: the bucket is not there. permission_denied: the records' writer may not store them.
  Result<> keep(const routing::CaptureFile& file);

 private:
  store::Store& store_;
  objects::Objects& objects_;
  Random& random_;
  const service::LaterErrands errands_;
};

}  // namespace slipway::server
