// What an AsyncInferenceConfig means: a fleet that is asked through a durable queue.
#pragma once

#include "engine/fleet/plan.h"
#include "engine/invocation_queue/queue.h"
#include "gen/sagemaker.h"
#include "service/call.h"

namespace slipway::sagemaker {

// Where MaxConcurrentInvocationsPerInstance is not given ("SageMaker chooses an optimal value";
// this one is ours).
inline constexpr std::uint32_t async_concurrency_default = 4;
// What a request may take at most; each says its own limit.
inline constexpr std::chrono::seconds async_invocation_timeout_max{3'600};

// ValidationException where the configuration does not say where results go, or asks for what AWS
// does not combine with asynchronous inference.
Result<> check_async(const aws::sagemaker::CreateEndpointConfigInput& config);

// Makes the plan that of a fleet behind a queue.
void ask_by_queue(fleet::FleetPlan& plan);

// A new endpoint's queue, where the configuration has one; `plan` is the fleet's.
Result<> open_queue(const service::Call& call, const invocation_queue::InvocationQueues& queues,
                    const routing::FleetId& id,
                    const aws::sagemaker::CreateEndpointConfigInput& config,
                    const fleet::FleetPlan& plan);

// An update's: an endpoint stays asynchronous, or stays what else it is. ValidationException (what
// AWS does there is not known; a queue with requests in it cannot become a real-time endpoint).
Result<> expect_same_access(const service::Call& call, const routing::FleetId& id,
                            const aws::sagemaker::CreateEndpointConfigInput& config);
// The queue stays, and has the new settings once that generation serves: until then, and where the
// update fails, results go where DescribeEndpoint says.
Result<> change_queue(const service::Call& call, const invocation_queue::InvocationQueues& queues,
                      const routing::FleetId& id, routing::Generation generation,
                      const aws::sagemaker::CreateEndpointConfigInput& config,
                      const fleet::FleetPlan& plan);

}  // namespace slipway::sagemaker
