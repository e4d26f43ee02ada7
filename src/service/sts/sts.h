// The door of AWS STS.
#pragma once

#include "engine/identity/directory.h"
#include "engine/identity/key_ring.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::sts {

// `keys` and `directory` outlive the registry.
void install(service::Registry& registry, const identity::KeyRing& keys,
             const identity::Directory& directory);

// Who may do what with it, for the frame.
service::Permissions permissions();

}  // namespace slipway::sts
