// Where the tags of buckets are. Those of objects stand with their versions (types.h).
#pragma once

#include "engine/objects/types.h"
#include "engine/tags/tags.h"

namespace slipway::objects {

// By what a bucket's tags are kept; Objects::remove_bucket() removes them with it.
inline tags::TaggedThing tagged(const Bucket& bucket) {
  return {bucket.account, bucket.region, "bucket/" + bucket.name};
}

}  // namespace slipway::objects
