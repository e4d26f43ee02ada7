// The ServiceContext of a test: of a server in one region, whose lanes are one pool. For tests of
// the frame and of the doors.
#pragma once

#include "gen/services.h"
#include "service/service_context.h"

namespace slipway::service {

// What such a test has of its own. All of it outlives the context.
struct TestParts {
  const Registry& registry;
  const wire::OperationRouter& router;
  store::Store& store;
  WorkerPool& workers;
  engine::Changes& changes;
  const identity::KeyRing& keys;
  CallContext call;
};

inline ServiceContext test_context(const TestParts& parts, AuthMode auth) {
  return {.registry = parts.registry,
          .router = parts.router,
          .schemas = aws::schemas(),
          .store = parts.store,
          .lanes = {parts.workers, parts.workers, parts.workers, parts.workers},
          .changes = parts.changes,
          .keys = parts.keys,
          .call = parts.call,
          .auth = auth,
          .region = "us-east-1"};
}

}  // namespace slipway::service
