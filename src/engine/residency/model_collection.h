// Which models a variant serves whose requests name one.
#pragma once

#include <cstdint>
#include <string>

#include "engine/artifacts/artifact.h"

namespace slipway::residency {

// Models of which a request names one: fetched when they are asked for, many on each instance.
struct ModelCollection {
  std::string uri;  // what stands before each model's name
  artifacts::Artifact::Form form = artifacts::Artifact::Form::tar_gz;
  bool kept = true;              // false: let go, from disk too, as soon as no request uses it
  std::uint32_t loaded_max = 0;  // in the memory of one instance; 0: as many as it takes
  std::string reader = {};       // as Artifact has it

  bool operator==(const ModelCollection&) const = default;
};

}  // namespace slipway::residency
