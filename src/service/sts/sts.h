// The door of AWS STS.
#pragma once

#include "engine/federation/issuer_keys.h"
#include "engine/identity/directory.h"
#include "engine/identity/key_ring.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::sts {

// All that is borrowed outlives the registry. `store` has what `directory` knows.
void install(service::Registry& registry, const identity::KeyRing& keys,
             const identity::Directory& directory, store::Store& store,
             federation::IssuerKeys& issuers);

// Who may do what with it, for the frame.
service::Permissions permissions();

}  // namespace slipway::sts
