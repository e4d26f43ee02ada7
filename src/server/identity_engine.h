// This assembly decides who may come: users and roles, keys, and the keys of others' tokens.
#pragma once

#include <memory>

#include "engine/federation/issuer_keys.h"
#include "engine/identity/directory.h"
#include "engine/identity/key_ring.h"
#include "server/foundation.h"

namespace slipway::server {

// The assembly of the engine of identities: who there is, with which keys and policies.
struct IdentityEngine {
  // `base` outlives it.
  static Result<std::unique_ptr<IdentityEngine>> open(Foundation& base);

  std::unique_ptr<identity::Directory> directory;
  std::unique_ptr<identity::KeyRing> keys;
  federation::IssuerKeys issuers;
};

}  // namespace slipway::server
