// The door of Amazon Elastic Container Registry.
#pragma once

#include "engine/identity/key_ring.h"
#include "engine/images/images.h"
#include "engine/objects/bodies.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::ecr {

// All outlive the registry.
struct EcrNeeds {
  const identity::KeyRing& keys;
  objects::Bodies& bodies;
};
void install(service::Registry& registry, const EcrNeeds& needs);

// Who may do what with it, for the frame; the distribution API asks by the same table.
service::Permissions permissions();

}  // namespace slipway::ecr
