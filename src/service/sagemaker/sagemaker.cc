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
  const auto endpoints = std::make_shared<Endpoints>(fleets, std::move(built_in));
  auto service = registry.begin(api::schema(), errors);
  service.add<api::CreateModelInput>("CreateModel", create_model)
      .add<api::DescribeModelInput>("DescribeModel", describe_model)
      .add<api::ListModelsInput>("ListModels", list_models)
      .add<api::DeleteModelInput>("DeleteModel", delete_model)
      .add<api::CreateEndpointConfigInput>("CreateEndpointConfig", create_endpoint_config)
      .add<api::DescribeEndpointConfigInput>("DescribeEndpointConfig", describe_endpoint_config)
      .add<api::ListEndpointConfigsInput>("ListEndpointConfigs", list_endpoint_configs)
      .add<api::DeleteEndpointConfigInput>("DeleteEndpointConfig", delete_endpoint_config)
      .add<api::AddTagsInput>("AddTags", add_tags)
      .add<api::ListTagsInput>("ListTags", list_tags)
      .add<api::DeleteTagsInput>("DeleteTags", delete_tags);
  service
      .add<api::CreateEndpointInput>(
          "CreateEndpoint",
          [=](Call& call, api::CreateEndpointInput in) { return endpoints->create(call, in); })
      .add<api::DescribeEndpointInput>(
          "DescribeEndpoint",
          [=](Call& call, api::DescribeEndpointInput in) { return endpoints->describe(call, in); })
      .add<api::ListEndpointsInput>(
          "ListEndpoints",
          [=](Call& call, api::ListEndpointsInput in) { return endpoints->list(call, in); })
      .add<api::UpdateEndpointInput>(
          "UpdateEndpoint",
          [=](Call& call, api::UpdateEndpointInput in) { return endpoints->update(call, in); })
      .add<api::UpdateEndpointWeightsAndCapacitiesInput>(
          "UpdateEndpointWeightsAndCapacities",
          [=](Call& call, api::UpdateEndpointWeightsAndCapacitiesInput in) {
            return endpoints->update_weights_and_capacities(call, in);
          })
      .add<api::DeleteEndpointInput>(
          "DeleteEndpoint",
          [=](Call& call, api::DeleteEndpointInput in) { return endpoints->remove(call, in); });
}

}  // namespace slipway::sagemaker
