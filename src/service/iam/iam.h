// The door of AWS IAM.
#pragma once

#include <vector>

#include "engine/identity/directory.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::iam {

// What the directory must know of the provider's own policies.
std::vector<identity::ProvidedPolicy> provided_policies();

// `directory` follows every change of `store`; both outlive the registry.
void install(service::Registry& registry, identity::Directory& directory, store::Store& store);

// Who may do what with it, for the frame. `directory` outlives it.
service::Permissions permissions(const identity::Directory& directory);

}  // namespace slipway::iam
