// Topics and queues, joined: their rows, and what carries messages from one to the other and out.
#pragma once

#include <memory>

#include "engine/events/deliverer.h"
#include "engine/events/http_deliveries.h"
#include "engine/events/loop_http_sender.h"
#include "engine/events/message_moves.h"
#include "engine/events/mobile.h"
#include "engine/events/queues.h"
#include "engine/events/sweeper.h"
#include "engine/events/topics.h"
#include "server/foundation.h"
#include "server/senders.h"
#include "service/sns/envelope.h"

namespace slipway::server {

// The assembly of the engine of queues, topics and deliveries.
class EventEngine {
 public:
  // `base` and `url`, where subscribers find this server, outlive it. Adds its reconcilers.
  static Result<std::unique_ptr<EventEngine>> open(Foundation& base, const std::string& url,
                                                   ServerLifecycle& life);

  events::Queues queues;
  events::Topics topics;
  events::MobileDirectory mobile;
  std::unique_ptr<sns::Signer> signer;
  // Whether what one service sends to a queue or a topic of another is taken.
  Senders senders;
  sns::NotificationEnvelope envelope;
  events::LoopHttpSender sender;
  events::HttpDeliveries http;
  events::Deliverer deliverer;
  events::Sweeper sweeper;
  events::MessageMoves moves;

 private:
  EventEngine(Foundation& base, const std::string& url, std::unique_ptr<sns::Signer> signer);
};

}  // namespace slipway::server
