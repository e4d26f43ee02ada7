// The door of Amazon SageMaker's control plane.
#pragma once

#include <span>

#include "engine/fleet/fleet.h"
#include "engine/invocation_queue/queue.h"
#include "engine/transform/transform.h"
#include "service/permissions.h"
#include "service/registry.h"
#include "service/sagemaker/contract.h"
#include "service/sagemaker/plan.h"
#include "service/sagemaker/reach.h"
#include "store/store.h"

namespace slipway::sagemaker {

// `fleets`, `queues` and what `reach` refers to outlive the registry.
void install(service::Registry& registry, fleet::Fleets& fleets,
             const invocation_queue::InvocationQueues& queues, BuiltInImages built_in,
             ReachCheck reach = ReachCheck());

// Batch transform. `transforms` outlives the registry.
void install_transform_jobs(service::Registry& registry, transform::Transforms& transforms,
                            BuiltInImages built_in, ReachCheck reach = ReachCheck());

// Who may do what with it, for the frame.
service::Permissions permissions();
// The tags of the resource with that ARN, as the condition keys that they are.
void add_tag_keys(const service::Question& question, std::string_view arn, service::Context& out);

std::span<const store::Migration> migrations();

}  // namespace slipway::sagemaker
