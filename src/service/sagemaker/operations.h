// The operations of this door; each stands in the file of its resource.
#pragma once

#include "engine/fleet/fleet.h"
#include "engine/invocation_queue/queue.h"
#include "engine/transform/transform.h"
#include "gen/sagemaker.h"
#include "service/call.h"
#include "service/sagemaker/component.h"
#include "service/sagemaker/plan.h"
#include "service/sagemaker/reach.h"

namespace slipway::sagemaker {

namespace api = aws::sagemaker;
using service::Call;

// model.cc
Result<api::CreateModelOutput> create_model(Call& call, const ReachCheck& reach,
                                            api::CreateModelInput in);
Result<api::DescribeModelOutput> describe_model(Call& call, api::DescribeModelInput in);
Result<api::ListModelsOutput> list_models(Call& call, api::ListModelsInput in);
Result<> delete_model(Call& call, api::DeleteModelInput in);

// endpoint_config.cc
Result<api::CreateEndpointConfigOutput> create_endpoint_config(Call& call, const ReachCheck& reach,
                                                               api::CreateEndpointConfigInput in);
Result<api::DescribeEndpointConfigOutput> describe_endpoint_config(
    Call& call, api::DescribeEndpointConfigInput in);
Result<api::ListEndpointConfigsOutput> list_endpoint_configs(Call& call,
                                                             api::ListEndpointConfigsInput in);
Result<> delete_endpoint_config(Call& call, api::DeleteEndpointConfigInput in);

// tags.cc
Result<api::AddTagsOutput> add_tags(Call& call, api::AddTagsInput in);
Result<api::ListTagsOutput> list_tags(Call& call, api::ListTagsInput in);
Result<api::DeleteTagsOutput> delete_tags(Call& call, api::DeleteTagsInput in);

// endpoint.cc: desired state goes to the fleet engine, status comes from it.
class Endpoints {
 public:
  Endpoints(fleet::Fleets& fleets, const invocation_queue::InvocationQueues& queues,
            BuiltInImages built_in)
      : fleets_(fleets), queues_(queues), built_in_(std::move(built_in)) {}

  // Answers at once with the ARN; the instances come up later, driven by the fleet's reconciler,
  // and DescribeEndpoint tells how far it is. Refuses, and then nothing was written: an endpoint of
  // that name lives; the configuration or one of its models does not exist.
  Result<api::CreateEndpointOutput> create(Call& call, api::CreateEndpointInput in);

  // A waiter's call is held while the endpoint is in a transitional state.
  Result<api::DescribeEndpointOutput> describe(Call& call, api::DescribeEndpointInput in);
  Result<api::ListEndpointsOutput> list(Call& call, api::ListEndpointsInput in);

  // The new fleet comes up beside the old one; a failed one leaves the old serving.
  Result<api::UpdateEndpointOutput> update(Call& call, api::UpdateEndpointInput in);
  Result<api::UpdateEndpointWeightsAndCapacitiesOutput> update_weights_and_capacities(
      Call& call, api::UpdateEndpointWeightsAndCapacitiesInput in);

  // The endpoint is `Deleting` until its last instance has ended, and then gone.
  Result<> remove(Call& call, api::DeleteEndpointInput in);

 private:
  fleet::Fleets& fleets_;
  const invocation_queue::InvocationQueues& queues_;
  const BuiltInImages built_in_;
};

// inference_component.cc: models that share the instances of an endpoint. Each is a fleet of its
// own (component.h).
class Components {
 public:
  Components(fleet::Fleets& fleets, BuiltInImages built_in, ReachCheck reach)
      : fleets_(fleets), built_in_(std::move(built_in)), reach_(reach) {}

  // Answers at once with the ARN. A component whose copies do not fit on what the endpoint's
  // instances have left is `Failed` and says so, until there is room. ValidationException: the name
  // is taken; the endpoint is not there or hosts no components; what the specification names is not
  // there or is not built.
  Result<api::CreateInferenceComponentOutput> create(Call& call,
                                                     api::CreateInferenceComponentInput in);
  Result<api::DescribeInferenceComponentOutput> describe(Call& call,
                                                         api::DescribeInferenceComponentInput in);
  Result<api::ListInferenceComponentsOutput> list(Call& call, api::ListInferenceComponentsInput in);

  // New copies come up beside the old ones; those that do not leave the old serving.
  Result<api::UpdateInferenceComponentOutput> update(Call& call,
                                                     api::UpdateInferenceComponentInput in);
  Result<api::UpdateInferenceComponentRuntimeConfigOutput> update_runtime_config(
      Call& call, api::UpdateInferenceComponentRuntimeConfigInput in);

  // `Deleting` until its last copy has ended; its room is free at once.
  Result<> remove(Call& call, api::DeleteInferenceComponentInput in);

 private:
  struct Change {
    std::optional<api::InferenceComponentSpecification> specification;
    std::optional<std::int64_t> copies;
  };
  // The component's ARN.
  Result<std::string> apply(Call& call, std::string_view name, const Change& change);
  Result<> expect_room(const Call& call, const Component& changed) const;
  Result<> expect_archive(const Call& call, std::string_view endpoint,
                          const api::InferenceComponentSpecification& specification) const;
  void sweep_ended(const Call& call);

  fleet::Fleets& fleets_;
  const BuiltInImages built_in_;
  const ReachCheck reach_;
};

// transform_job.cc: the job goes to the engine transform, its status comes from it.
class TransformJobs {
 public:
  TransformJobs(transform::Transforms& transforms, BuiltInImages built_in, ReachCheck reach)
      : transforms_(transforms), built_in_(std::move(built_in)), reach_(reach) {}

  // Answers at once with the ARN; the job works on. A name is taken for good (ResourceInUse).
  // ValidationException: the model is not there, a limit, a filter that cannot be read.
  Result<api::CreateTransformJobResponse> create(Call& call, api::CreateTransformJobRequest in);
  // A waiter's call is held until the job's status changes.
  Result<api::DescribeTransformJobResponse> describe(Call& call,
                                                     api::DescribeTransformJobRequest in);
  Result<api::ListTransformJobsResponse> list(Call& call, api::ListTransformJobsRequest in);
  // The job is `Stopping`, and soon `Stopped`; what it wrote stays.
  Result<> stop(Call& call, api::StopTransformJobRequest in);

 private:
  transform::Transforms& transforms_;
  const BuiltInImages built_in_;
  const ReachCheck reach_;
};

}  // namespace slipway::sagemaker
