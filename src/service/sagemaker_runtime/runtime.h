// The door of the SageMaker runtime: hands each operation to its own file.
#pragma once

#include "engine/fleet/router.h"
#include "service/front.h"

namespace slipway::sagemaker_runtime {

void install(service::Registry& registry);

// One for each I/O loop, beside that loop's router, which outlives it.
class Runtime final : public service::HotDoor {
 public:
  explicit Runtime(fleet::Router& router) : router_(router) {}

  // Hands the request to the router, which answers on the same loop. Refuses at once, with
  // ValidationError, what breaks the limits of the API.
  void handle(service::HotRequest&& hot) override;

 private:
  fleet::Router& router_;
};

}  // namespace slipway::sagemaker_runtime
