// InvokeEndpoint: one request, one answer.
#pragma once

#include "engine/fleet/router.h"
#include "service/front.h"

namespace slipway::sagemaker_runtime {

// Hands the request to the router, which answers on the same loop; refuses at once what breaks the
// API's limits.
void invoke_endpoint(service::HotRequest&& hot, fleet::Router& router);

}  // namespace slipway::sagemaker_runtime
