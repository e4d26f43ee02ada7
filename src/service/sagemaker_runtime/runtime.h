// The door of the SageMaker runtime: hands each operation to its own file.
#pragma once

#include "engine/fleet/router.h"
#include "engine/fleet/sessions.h"
#include "service/front.h"
#include "service/permissions.h"
#include "service/sagemaker_runtime/async.h"
#include "service/sagemaker_runtime/stream.h"

namespace slipway::sagemaker_runtime {

// What `async` names outlives the registry.
void install(service::Registry& registry, const AsyncInvocations::Needs& async);

// Who may do what with it, for the frame. `tag_keys` adds the tags of an endpoint, which are kept
// by another door.
using AddTagKeys =
    std::function<void(const service::Question&, std::string_view arn, service::Context&)>;
service::Permissions permissions(AddTagKeys tag_keys);

// One for each I/O loop, beside that loop's router. That and the sessions, which all loops share,
// outlive it.
class Runtime final : public service::HotDoor {
 public:
  // `stream_time_limit`: what a streamed answer may take from its request to its last byte.
  Runtime(fleet::Router& router, fleet::Sessions& sessions,
          std::chrono::milliseconds stream_time_limit = stream_time_limit_default);

  // Hands the request to the router, which answers on the same loop. Refuses at once, with
  // ValidationError, what breaks the limits of the API.
  void handle(service::HotRequest&& hot) override;

 private:
  fleet::Router& router_;
  fleet::Sessions& sessions_;
  const std::chrono::milliseconds stream_time_limit_;
  const wire::Operation* const stream_operation_;
};

}  // namespace slipway::sagemaker_runtime
