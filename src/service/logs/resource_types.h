// What the operations of this door are to a template: the types of CloudFormation's that they make.
#pragma once

#include <span>

#include "service/resource_type.h"

namespace slipway::logs_door {

std::span<const service::ResourceType> resource_types();

}  // namespace slipway::logs_door
