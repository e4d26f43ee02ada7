// InvokeEndpointWithResponseStream: one request, an answer in event-stream frames as it comes.
#pragma once

#include <chrono>

#include "engine/routing/router.h"
#include "engine/routing/sessions.h"
#include "service/hot.h"

namespace slipway::sagemaker_runtime {

// AWS's: from the request's arrival to the answer's last byte. What AWS does with a stream of a
// serverless endpoint is not published; here it is held to that endpoint's limits, 60 s and 4 MB.
inline constexpr std::chrono::minutes stream_time_limit_default{8};

// What of a stream may wait for a slow reader; past it the instance is paused.
inline constexpr std::size_t stream_queue_bytes_max = 256 * 1024;
// A part that is longer leaves in several frames; clients refuse more than 24 MiB.
inline constexpr std::size_t stream_part_bytes_max = 1024 * 1024;

// Hands the request to the router, which answers on the same loop; refuses at once what breaks the
// API's limits. Before the container's first byte a failure is an HTTP error, as InvokeEndpoint's;
// after it an exception in the stream:
//
//   ModelStreamError, ErrorCode ModelInvocationTimeExceeded   `time_limit` passed
//   ModelStreamError, ErrorCode StreamBroken                  the container ended or cut its
//   answer,
//                                                             or it grew past the limit
//   InternalStreamFailure                                     this server ends
//
// A session can be continued, not begun.
//
// A client that went away takes the instance's answer with it.
void invoke_endpoint_streamed(service::HotRequest&& hot, routing::Router& router,
                              const routing::Sessions& sessions,
                              std::chrono::milliseconds time_limit);

}  // namespace slipway::sagemaker_runtime
