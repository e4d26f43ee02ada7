// How a variant serves, as a plan says it: one type for each kind of serving. What its requests
// find of it stands in the route (engine/routing/serving.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "engine/fleet/placement.h"
#include "engine/residency/model_collection.h"
#include "engine/routing/traffic.h"

namespace slipway::fleet {

using routing::AtZero;

// Each instance answers any request.
struct SingleModel {
  std::uint32_t instances = 1;
  AtZero at_zero = AtZero::hold;
  routing::Balancing balancing = routing::Balancing::random;

  bool operator==(const SingleModel&) const = default;
};

// Each request names one of many models, which are loaded as they are asked for.
struct MultiModel {
  residency::ModelCollection models;
  std::uint32_t instances = 1;
  AtZero at_zero = AtZero::hold;

  bool operator==(const MultiModel&) const = default;
};

// One of several containers: the answer of each is the request of the next, the last one's goes to
// the caller.
struct SerialContainer {
  std::string container;        // its name among the variant's
  std::uint32_t instances = 1;  // of this container
  routing::Balancing balancing = routing::Balancing::random;

  bool operator==(const SerialContainer&) const = default;
};

// One of several containers: the caller names the one that answers.
struct DirectContainer {
  std::string container;        // its name among the variant's
  std::uint32_t instances = 1;  // of this container
  routing::Balancing balancing = routing::Balancing::random;

  bool operator==(const DirectContainer&) const = default;
};

// Of an elastic variant the instances follow the requests. One of Machines runs nothing of its own:
// they are for other fleets to be placed on, and there as soon as they are wanted.
using Serving = std::variant<SingleModel, MultiModel, SerialContainer, DirectContainer,
                             routing::Elastic, Machines>;

}  // namespace slipway::fleet
