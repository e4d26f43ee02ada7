#include "service/sagemaker/sagemaker.h"

#include <memory>

#include "service/sagemaker/operations.h"

namespace slipway::sagemaker {
namespace {

// SageMaker says nearly everything with ValidationException, which is no shape of its model.
constexpr service::ErrorRow errors[] = {
    {"ValidationException", "ValidationException", 400},
    {"invalid_argument", "ValidationException", 400},
    {"not_found", "ValidationException", 400},
    {"already_exists", "ValidationException", 400},
    {"in_use", "ResourceInUse", 400},
    {"conflict", "ValidationException", 400},
    {"limit_exceeded", "ResourceLimitExceeded", 400},
};

}  // namespace

void install(service::Registry& registry, fleet::Fleets& fleets, BuiltInImages built_in) {
  namespace op = api::op;
  const auto endpoints = std::make_shared<Endpoints>(fleets, std::move(built_in));
  auto service = registry.begin(api::schema(), errors);
  service.add<op::CreateModel>(create_model)
      .add<op::DescribeModel>(describe_model)
      .add<op::ListModels>(list_models)
      .add<op::DeleteModel>(delete_model)
      .add<op::CreateEndpointConfig>(create_endpoint_config)
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
}

}  // namespace slipway::sagemaker
