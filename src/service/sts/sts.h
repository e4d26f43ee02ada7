// The door of AWS STS.
#pragma once

#include "engine/identity/key_ring.h"
#include "service/registry.h"

namespace slipway::sts {

// `keys` outlives the registry.
void install(service::Registry& registry, const identity::KeyRing& keys);

}  // namespace slipway::sts
