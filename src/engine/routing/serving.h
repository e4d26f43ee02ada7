// How a variant serves, as its requests meet it: one type for each kind of serving. The plan's own
// says what there should be (engine/fleet/serving.h); this one what a request finds.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "engine/routing/concurrency_limiter.h"
#include "engine/routing/model_loader.h"
#include "engine/routing/traffic.h"

namespace slipway::routing {

// Each instance answers any request. Instances can be asked by name.
struct SingleModelRoute {
  Balancing balancing = Balancing::random;
  AtZero at_zero = AtZero::hold;  // `refuse`: none is wanted now

  bool operator==(const SingleModelRoute&) const = default;
};

// Each request names one of many models, and goes to an instance that has it loaded.
struct MultiModelRoute {
  // Set before the route is published; routers ask it in all their threads.
  std::shared_ptr<ModelLoader> loader;
  AtZero at_zero = AtZero::hold;  // `refuse`: none is wanted now

  // The loader is no part of it: which one it is follows from the generation.
  bool operator==(const MultiModelRoute& other) const { return at_zero == other.at_zero; }
};

// Which of its variant's containers one is. The routes of a variant's containers follow each other
// in this order.
struct ContainerPlace {
  std::string name;            // among them
  std::uint32_t position = 0;  // among them, from 0
  std::uint32_t count = 1;     // that there are

  bool operator==(const ContainerPlace&) const = default;
};

// One container of a series: its answer is the request of the next, the last one's is the caller's.
struct SerialContainerRoute {
  ContainerPlace place;
  Balancing balancing = Balancing::random;

  bool operator==(const SerialContainerRoute&) const = default;
};

// One of several containers: each request names the one that answers. Instances can be asked by
// name.
struct DirectContainerRoute {
  ContainerPlace place;
  Balancing balancing = Balancing::random;

  bool operator==(const DirectContainerRoute&) const = default;
};

// Instances come and go with the requests, which wait for their permit or for an instance.
struct ElasticRoute {
  Elastic limits;
  std::chrono::milliseconds request_timeout{60'000};
  std::shared_ptr<ConcurrencyLimiter> limiter;

  bool operator==(const ElasticRoute&) const = default;
};

// The variant runs nothing of its own: requests go to the fleets that are placed on it.
struct MachinesRoute {
  bool operator==(const MachinesRoute&) const = default;
};

using ServingRoute = std::variant<SingleModelRoute, MultiModelRoute, SerialContainerRoute,
                                  DirectContainerRoute, ElasticRoute, MachinesRoute>;

// Null: the variant has one container.
inline const ContainerPlace* container_of(const ServingRoute& serving) {
  if (const auto* serial = std::get_if<SerialContainerRoute>(&serving)) return &serial->place;
  if (const auto* direct = std::get_if<DirectContainerRoute>(&serving)) return &direct->place;
  return nullptr;
}

// Whether a request may name the one instance that is to answer it.
inline bool lets_name_instances(const ServingRoute& serving) {
  return std::holds_alternative<SingleModelRoute>(serving) ||
         std::holds_alternative<DirectContainerRoute>(serving);
}

}  // namespace slipway::routing
