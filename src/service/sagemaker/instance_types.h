// What AWS's instances offer: vCPUs, memory, accelerators.
#pragma once

#include <optional>
#include <string_view>

#include "engine/fleet/placement.h"

namespace slipway::sagemaker {

// From AWS's public pages of EC2 instance types: "ml.m5.xlarge" is an m5.xlarge. Absent for what is
// no instance type, or of a family that is not in the table. All of an instance is offered: how
// much of it AWS keeps for itself is not published.
std::optional<fleet::Resources> resources_of(std::string_view instance_type);

}  // namespace slipway::sagemaker
