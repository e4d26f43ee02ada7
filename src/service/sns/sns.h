// Amazon SNS as a door onto the topics of the `events` engine.
#pragma once

#include "engine/events/deliverer.h"
#include "engine/events/mobile.h"
#include "engine/events/topics.h"
#include "net/reach.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::sns {

// All outlive the registry. `reach`: which HTTP endpoints may subscribe.
void install(service::Registry& registry, const events::Topics& topics,
             const events::MobileDirectory& mobile, const events::Deliverer& deliverer,
             net::Reach reach);

// Who may do what with it, for the frame. `topics` outlives it.
service::Permissions permissions(const events::Topics& topics);

// Owner, policy and tags of the topic with that ARN. What is not there has none.
service::Guarded guarded(const events::Topics& topics, store::Transaction& tx,
                         std::string_view arn);

}  // namespace slipway::sns
