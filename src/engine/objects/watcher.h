// What happens to objects, told to one who watches their buckets.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "engine/objects/types.h"
#include "store/store.h"

namespace slipway::objects {

// Who asked for a change, and how. Views, which live until the change is made. Where nobody did, as
// when the server stores what a job made, all is empty.
struct Cause {
  enum class Way : std::uint8_t { request, form, expiry };
  Way way = Way::request;
  std::string_view who = {};
  std::string_view address = {};
  std::string_view request = {};  // its id
  std::string_view trace = {};    // what the caller traces it by
};

// One version of an object came, went, got other tags or another storage class, or was restored, or
// lets in others than before.
struct ObjectChange {
  enum class Kind : std::uint8_t {
    put,
    copied,
    completed,    // an upload in parts
    removed,      // of the object only key and version are known; also where there was none
    marker_made,  // a delete marker
    tagged,
    untagged,
    moved,          // to another storage class
    restore_begun,  // of what is archived
    restored,
    shared,  // who is let in by the object itself is another
  };
  Kind kind = Kind::put;
  const Bucket& bucket;
  const Object& object;
  std::int64_t number = 0;  // ascending over all changes but those of tags and rights, which have 0
  Cause cause;
  Moment now;
};

// Is told of every change to objects, within the change.
class ObjectWatcher {
 public:
  virtual ~ObjectWatcher() = default;

  // In the change's own transaction, on the store's thread: what is written here is durable if and
  // only if the change is. `setting` is what the bucket says about watching.
  virtual void changed(store::Transaction& tx, std::string_view setting,
                       const ObjectChange& change) = 0;
};

}  // namespace slipway::objects
