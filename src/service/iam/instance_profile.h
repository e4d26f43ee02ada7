// Instance profiles, as several files of this door need them.
#pragma once

#include "engine/identity/account.h"
#include "service/iam/operations.h"

namespace slipway::iam {

// What every answer tells of an instance profile: its tags are not among it.
void fill(Call& call, const identity::InstanceProfile& profile, api::InstanceProfile out);

}  // namespace slipway::iam
