// Amazon SNS as a door onto the topics of the `events` engine.
#pragma once

#include "engine/events/deliverer.h"
#include "engine/events/topics.h"
#include "net/reach.h"
#include "service/registry.h"

namespace slipway::sns {

// Topics and deliverer outlive the registry. `reach`: which HTTP endpoints may subscribe.
void install(service::Registry& registry, const events::Topics& topics,
             const events::Deliverer& deliverer, net::Reach reach);

}  // namespace slipway::sns
