// The door of AWS IAM.
#pragma once

#include "service/registry.h"

namespace slipway::iam {

void install(service::Registry& registry);

}  // namespace slipway::iam
