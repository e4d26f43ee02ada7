// Amazon SQS as a door onto the queues of the `events` engine.
#pragma once

#include <string>

#include "engine/events/message_moves.h"
#include "engine/events/queues.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::sqs {

// `queues` and `moves` outlive the registry. `scheme` ("http") begins the URLs of queues; the rest
// of the address is what the client called the server.
void install(service::Registry& registry, const events::Queues& queues, events::MessageMoves& moves,
             std::string scheme);

// Who may do what with it, for the frame. `queues` outlives it.
service::Permissions permissions(const events::Queues& queues);

}  // namespace slipway::sqs
