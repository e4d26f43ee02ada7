// What SageMaker asks of the containers that answer inferences.
#pragma once

#include <span>
#include <string_view>

#include "engine/fleet/contract.h"
#include "store/store.h"

namespace slipway::sagemaker {

// Everything that a container is given lies below it.
inline constexpr std::string_view container_root = "/opt/ml";

// The contract of every model's container, an own image's as well as a built-in one's.
fleet::Contract container_contract();

// Tells the version of a built-in image, which differ in what they read and answer: its name with
// its tag.
inline constexpr std::string_view image_variable = "SLIPWAY_IMAGE";

// Writes the contract into plans that were stored before plans held one. Runs after the steps of
// the rooms that store plans.
std::span<const store::Migration> contract_migrations();

}  // namespace slipway::sagemaker
