// InvokeEndpoint: one request, one answer.
#pragma once

#include "engine/routing/router.h"
#include "engine/routing/sessions.h"
#include "service/hot.h"

namespace slipway::sagemaker_runtime {

// Hands the request to the router, which answers on the same loop; refuses at once what breaks the
// API's limits.
//
// Sessions: a call with the id of one goes to the instance that holds it. A container that was
// asked for a new one answers with its id and its end; that answer leaves once the session is
// durable.
void invoke_endpoint(service::HotRequest&& hot, routing::Router& router,
                     routing::Sessions& sessions);

}  // namespace slipway::sagemaker_runtime
