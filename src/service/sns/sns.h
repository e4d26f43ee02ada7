// Amazon SNS as a door onto the topics of the `events` engine.
#pragma once

#include "engine/events/deliverer.h"
#include "engine/events/topics.h"
#include "service/registry.h"

namespace slipway::sns {

// Both outlive the registry.
void install(service::Registry& registry, const events::Topics& topics,
             const events::Deliverer& deliverer);

}  // namespace slipway::sns
