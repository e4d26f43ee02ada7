// The door of Amazon S3.
#pragma once

#include <span>

#include "engine/objects/lifecycle.h"
#include "engine/objects/objects.h"
#include "service/permissions.h"
#include "service/registry.h"
#include "service/s3/lifecycle.h"
#include "service/s3/notices.h"
#include "store/store.h"

namespace slipway::s3 {

// What the door stands on; all of it outlives the registry.
struct S3Needs {
  store::Store& store;
  objects::Objects& objects;
  Notices& notices;
  objects::Lifecycle& lifecycle;
  LifecycleTexts& lifecycles;
};

// Adds every operation of operations.txt, and lets `notices` tell of what happens to objects.
void install(service::Registry& registry, const S3Needs& needs);

// Moves what this door kept of its own in the tables of engine/objects.
std::span<const store::Migration> migrations();

// Removes what the lifecycle configurations of buckets let go.
objects::Lifecycle::Needs lifecycle_needs(objects::Objects& objects, LifecycleTexts& texts,
                                          engine::ReconcilerLoop& loop);

// Who may do what with it, for the frame.
service::Permissions permissions();

// Owner and policy of the bucket that an ARN names, or that its object lies in, for what the server
// does in the name of somebody who is known. What is not there has neither.
Result<service::Guarded> guarded(store::Transaction& tx, std::string_view arn);

}  // namespace slipway::s3
