// The door of the SageMaker runtime.
#pragma once

#include <chrono>
#include <functional>

#include "engine/routing/router.h"
#include "engine/routing/sessions.h"
#include "service/permissions.h"
#include "service/registry.h"
#include "service/sagemaker_runtime/async.h"
#include "service/sagemaker_runtime/stream.h"

namespace slipway::sagemaker_runtime {

// What the operations that are answered on the I/O threads need; all of it outlives the loops.
struct HotNeeds {
  // The router of a loop, asked on its thread.
  std::function<routing::Router&(net::Loop&)> router;
  routing::Sessions& sessions;  // which all loops share
  // What a streamed answer may take from its request to its last byte.
  std::chrono::milliseconds stream_time_limit = stream_time_limit_default;
};

// What `async` names outlives the registry.
void install(service::Registry& registry, const AsyncInvocations::Needs& async,
             const HotNeeds& hot);

// Who may do what with it, for the frame. `tag_keys` adds the tags of an endpoint, which are kept
// by another door.
using AddTagKeys =
    std::function<void(const service::Question&, std::string_view arn, service::Context&)>;
service::Permissions permissions(AddTagKeys tag_keys);

}  // namespace slipway::sagemaker_runtime
