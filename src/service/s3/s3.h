// The door of Amazon S3.
#pragma once

#include "engine/objects/objects.h"
#include "service/permissions.h"
#include "service/registry.h"
#include "store/store.h"

namespace slipway::s3 {

// Adds every operation of operations.txt. All arguments outlive the registry.
void install(service::Registry& registry, store::Store& store, objects::Objects& objects);

// Who may do what with it, for the frame.
service::Permissions permissions();

}  // namespace slipway::s3
