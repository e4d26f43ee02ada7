// Queued requests, joined: the durable queue before a fleet, what carries its requests to
// instances, and who is told of their answers.
#pragma once

#include <memory>

#include "engine/events/topics.h"
#include "engine/invocation_queue/queue.h"
#include "engine/invocation_queue/routed_sender.h"
#include "engine/objects/objects.h"
#include "engine/routing/routes.h"
#include "server/foundation.h"
#include "service/errands.h"
#include "service/sagemaker_runtime/async_notice.h"

namespace slipway::server {

// The assembly of the engine of queued requests.
class QueueEngine {
 public:
  // All outlive it.
  struct Needs {
    Foundation& base;
    routing::RouteTable& routes;
    objects::Objects& objects;
    const events::Topics& topics;
    service::LaterErrands errands;  // in whose name requests are read and answers are stored
  };
  // Adds its reconciler. When it ends, what is under way arrives as unavailable.
  QueueEngine(const Needs& needs, ServerLifecycle& life);

  invocation_queue::RequestQueues& requests() { return requests_; }
  const invocation_queue::InvocationQueues& queues() const { return queues_; }
  // From any thread: what instances were asked so far.
  std::vector<routing::VariantCounters> counters() const { return sender_.counters(); }

 private:
  sagemaker_runtime::AsyncNotices notices_;
  invocation_queue::RoutedSender sender_;
  invocation_queue::RequestQueues requests_;
  invocation_queue::InvocationQueues queues_;
};

}  // namespace slipway::server
