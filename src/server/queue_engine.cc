#include "server/queue_engine.h"

#include <functional>

namespace slipway::server {

QueueEngine::QueueEngine(const Needs& needs, ServerLifecycle& life)
    : notices_(needs.topics, needs.errands),
      sender_({.routes = needs.routes,
               .objects = needs.objects,
               .workers = needs.base.files,
               .random = needs.base.random,
               .loop = needs.base.bulk_loop}),
      requests_({.store = *needs.base.store,
                 .objects = needs.objects,
                 .loop = *needs.base.reconcilers,
                 .sender = sender_,
                 .door = notices_,
                 .clock = needs.base.clock,
                 .routes = &needs.routes}),
      queues_(std::bind_front(&invocation_queue::RequestQueues::wake, &requests_)) {
  needs.base.reconcilers->add(requests_);
  needs.routes.subscribe([this] { requests_.look_again(); });
  life.began([this] { sender_.stop(); });
}

}  // namespace slipway::server
