#include "service/sagemaker/sagemaker.h"

#include <memory>

#include "service/sagemaker/operations.h"
#include "service/sagemaker/resource_types.h"

namespace slipway::sagemaker {
namespace {

// SageMaker says nearly everything with ValidationException, which is no shape of its model.
constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDeniedException", 400},
    {"ValidationException", "ValidationException", 400},
    {"invalid_argument", "ValidationException", 400},
    {"not_found", "ValidationException", 400},
    {"already_exists", "ValidationException", 400},
    {"in_use", "ResourceInUse", 400},
    {"conflict", "ValidationException", 400},
    {"limit_exceeded", "ResourceLimitExceeded", 400},
};

void add_components(service::Registry::Service& service,
                    const std::shared_ptr<Components>& components) {
  namespace op = api::op;
  service
      .add<op::CreateInferenceComponent>([=](Call& call, api::CreateInferenceComponentInput in) {
        return components->create(call, in);
      })
      .add<op::DescribeInferenceComponent>(
          [=](Call& call, api::DescribeInferenceComponentInput in) {
            return components->describe(call, in);
          })
      .add<op::ListInferenceComponents>([=](Call& call, api::ListInferenceComponentsInput in) {
        return components->list(call, in);
      })
      .add<op::UpdateInferenceComponent>([=](Call& call, api::UpdateInferenceComponentInput in) {
        return components->update(call, in);
      })
      .add<op::UpdateInferenceComponentRuntimeConfig>(
          [=](Call& call, api::UpdateInferenceComponentRuntimeConfigInput in) {
            return components->update_runtime_config(call, in);
          })
      .add<op::DeleteInferenceComponent>([=](Call& call, api::DeleteInferenceComponentInput in) {
        return components->remove(call, in);
      });
}

}  // namespace

void install(service::Registry& registry, fleet::Fleets& fleets,
             const invocation_queue::InvocationQueues& queues, BuiltInImages built_in,
             ReachCheck reach) {
  namespace op = api::op;
  const auto endpoints = std::make_shared<Endpoints>(fleets, queues, built_in);
  const auto components = std::make_shared<Components>(fleets, built_in, reach);
  auto service = registry.begin(api::schema(), errors);
  service.add_types(resource_types());
  service
      .add<op::CreateModel>(
          [=](Call& call, api::CreateModelInput in) { return create_model(call, reach, in); })
      .add<op::DescribeModel>(describe_model)
      .add<op::ListModels>(list_models)
      .add<op::DeleteModel>(delete_model)
      .add<op::CreateEndpointConfig>([=](Call& call, api::CreateEndpointConfigInput in) {
        return create_endpoint_config(call, reach, in);
      })
      .add<op::DescribeEndpointConfig>(describe_endpoint_config)
      .add<op::ListEndpointConfigs>(list_endpoint_configs)
      .add<op::DeleteEndpointConfig>(delete_endpoint_config)
      .add<op::AddTags>(add_tags)
      .add<op::ListTags>(list_tags)
      .add<op::DeleteTags>(delete_tags);
  service
      .add<op::CreateEndpoint>(
          [=](Call& call, api::CreateEndpointInput in) { return endpoints->create(call, in); })
      .add<op::DescribeEndpoint>(
          [=](Call& call, api::DescribeEndpointInput in) { return endpoints->describe(call, in); })
      .add<op::ListEndpoints>(
          [=](Call& call, api::ListEndpointsInput in) { return endpoints->list(call, in); })
      .add<op::UpdateEndpoint>(
          [=](Call& call, api::UpdateEndpointInput in) { return endpoints->update(call, in); })
      .add<op::UpdateEndpointWeightsAndCapacities>(
          [=](Call& call, api::UpdateEndpointWeightsAndCapacitiesInput in) {
            return endpoints->update_weights_and_capacities(call, in);
          })
      .add<op::DeleteEndpoint>(
          [=](Call& call, api::DeleteEndpointInput in) { return endpoints->remove(call, in); });
  add_components(service, components);
}

void install_transform_jobs(service::Registry& registry, transform::Transforms& transforms,
                            BuiltInImages built_in, ReachCheck reach) {
  namespace op = api::op;
  const auto jobs = std::make_shared<TransformJobs>(transforms, std::move(built_in), reach);
  registry.begin(api::schema(), errors)
      .add<op::CreateTransformJob>(
          [=](Call& call, api::CreateTransformJobRequest in) { return jobs->create(call, in); })
      .add<op::DescribeTransformJob>(
          [=](Call& call, api::DescribeTransformJobRequest in) { return jobs->describe(call, in); })
      .add<op::ListTransformJobs>(
          [=](Call& call, api::ListTransformJobsRequest in) { return jobs->list(call, in); })
      .add<op::StopTransformJob>(
          [=](Call& call, api::StopTransformJobRequest in) { return jobs->stop(call, in); });
}

}  // namespace slipway::sagemaker
