#include "service/sagemaker/resource_types.h"

#include <boost/json.hpp>

#include "gen/sagemaker.h"

namespace slipway::sagemaker {
namespace {

namespace api = aws::sagemaker;
namespace forms = service::forms;
namespace json = boost::json;
using service::Property;
using service::PropertyPlace;
using service::ResourceType;
using Use = service::Property::Use;

constexpr service::Absence not_there{"ValidationException", "Could not find"};
constexpr service::Paging pages{"NextToken", "NextToken"};

constexpr PropertyPlace tags[] = {{"Tags"}};
constexpr PropertyPlace tag_keys[] = {{"TagKeys"}};
constexpr service::Tagging tagging{
    .add = {.operation = "AddTags", .id = "ResourceArn", .places = tags},
    .remove = {.operation = "DeleteTags", .id = "ResourceArn", .places = tag_keys},
    .list = {.operation = "ListTags", .id = "ResourceArn", .places = tags}};

// --- AWS::SageMaker::Model ---

constexpr Property model_properties[] = {
    {"ModelName", Use::create_only},
    {"PrimaryContainer", Use::create_only},
    {"Containers", Use::create_only},
    {"InferenceExecutionConfig", Use::create_only},
    {"ExecutionRoleArn", Use::create_only},
    {"VpcConfig", Use::create_only},
    {"EnableNetworkIsolation", Use::create_only},
    {"Tags"},
    {"ModelArn", Use::attribute},
};
constexpr PropertyPlace model[] = {{"ModelName"},
                                   {"PrimaryContainer"},
                                   {"Containers"},
                                   {"InferenceExecutionConfig"},
                                   {"ExecutionRoleArn"},
                                   {"VpcConfig"},
                                   {"EnableNetworkIsolation"}};
constexpr auto model_given = join_places(model, tags);
constexpr service::Reading model_readings[] = {
    {.step = {.operation = "DescribeModel", .id_name = "ModelName", .places = model}}};

// --- AWS::SageMaker::EndpointConfig ---

constexpr Property config_properties[] = {
    {"EndpointConfigName", Use::create_only},
    {"ProductionVariants", Use::create_only},
    {"ShadowProductionVariants", Use::create_only},
    {"DataCaptureConfig", Use::create_only},
    {"KmsKeyId", Use::create_only},
    {"AsyncInferenceConfig", Use::create_only},
    {"ExplainerConfig", Use::create_only},
    {"ExecutionRoleArn", Use::create_only},
    {"VpcConfig", Use::create_only},
    {"EnableNetworkIsolation", Use::create_only},
    {"MetricsConfig", Use::create_only},
    {"Tags"},
    {"EndpointConfigArn", Use::attribute},
};
constexpr PropertyPlace config[] = {
    {"EndpointConfigName"},     {"ProductionVariants"}, {"ShadowProductionVariants"},
    {"DataCaptureConfig"},      {"KmsKeyId"},           {"AsyncInferenceConfig"},
    {"ExplainerConfig"},        {"ExecutionRoleArn"},   {"VpcConfig"},
    {"EnableNetworkIsolation"}, {"MetricsConfig"}};
constexpr auto config_given = join_places(config, tags);
constexpr service::Reading config_readings[] = {{.step = {.operation = "DescribeEndpointConfig",
                                                          .id_name = "EndpointConfigName",
                                                          .places = config}}};

// --- AWS::SageMaker::Endpoint ---

constexpr Property endpoint_properties[] = {
    {"EndpointName", Use::create_only},
    {"EndpointConfigName"},
    {"DeploymentConfig", Use::manner},
    {"RetainAllVariantProperties", Use::manner},
    {"ExcludeRetainedVariantProperties", Use::manner},
    {"RetainDeploymentConfig", Use::manner},
    {"Tags"},
    {"EndpointArn", Use::attribute},
};
constexpr PropertyPlace endpoint_given[] = {
    {"EndpointName"}, {"EndpointConfigName"}, {"DeploymentConfig"}, {"Tags"}};
constexpr PropertyPlace endpoint_shown[] = {
    {"EndpointName"}, {"EndpointConfigName"}, {"DeploymentConfig", "LastDeploymentConfig"}};
constexpr service::Reading endpoint_readings[] = {
    {.step = {
         .operation = "DescribeEndpoint", .id_name = "EndpointName", .places = endpoint_shown}}};
constexpr PropertyPlace endpoint_changed[] = {{"EndpointConfigName"},
                                              {"DeploymentConfig"},
                                              {"RetainAllVariantProperties"},
                                              {"ExcludeRetainedVariantProperties"},
                                              {"RetainDeploymentConfig"}};
constexpr service::Update endpoint_updates[] = {
    {.write = {
         .operation = "UpdateEndpoint", .id_name = "EndpointName", .places = endpoint_changed}}};

// --- AWS::SageMaker::InferenceComponent ---

// A template says how many copies there are to be; a description, how many are wanted and are.
Result<json::value> copies_wanted(const json::value& member) {
  json::value out = member;
  if (json::object* const counts = out.if_object())
    if (const json::value* const wanted = counts->if_contains("DesiredCopyCount"))
      (*counts)["CopyCount"] = json::value(*wanted);
  return out;
}
const service::Form runtime_config{nullptr, copies_wanted};

// Where a component is, no operation changes.
const Property component_properties[] = {
    {"InferenceComponentName", Use::create_only},
    {"EndpointName", Use::create_only},
    {"VariantName", Use::create_only},
    {"Specification"},
    {"Specifications"},
    {"RuntimeConfig", Use::settable, runtime_config},
    {"DeploymentConfig", Use::manner},
    {"Tags"},
    {"InferenceComponentArn", Use::attribute},
    {"InferenceComponentStatus", Use::attribute},
    {"FailureReason", Use::attribute},
    {"CreationTime", Use::attribute},
    {"LastModifiedTime", Use::attribute},
};
constexpr PropertyPlace component_given[] = {
    {"InferenceComponentName"}, {"EndpointName"},  {"VariantName"}, {"Specification"},
    {"Specifications"},         {"RuntimeConfig"}, {"Tags"}};
constexpr PropertyPlace component_shown[] = {{"InferenceComponentName"},
                                             {"EndpointName"},
                                             {"VariantName"},
                                             {"Specification"},
                                             {"Specifications"},
                                             {"RuntimeConfig"},
                                             {"InferenceComponentStatus"},
                                             {"FailureReason"},
                                             {"CreationTime"},
                                             {"LastModifiedTime"}};
constexpr service::Reading component_readings[] = {
    {.step = {.operation = "DescribeInferenceComponent",
              .id_name = "InferenceComponentName",
              .places = component_shown}}};
constexpr PropertyPlace component_changed[] = {
    {"Specification"}, {"Specifications"}, {"RuntimeConfig"}, {"DeploymentConfig"}};
constexpr service::Update component_updates[] = {{.write = {.operation = "UpdateInferenceComponent",
                                                            .id_name = "InferenceComponentName",
                                                            .places = component_changed}}};

const ResourceType types[] = {
    {.name = "AWS::SageMaker::Model",
     .schema = api::schema(),
     .properties = model_properties,
     .identifier = "ModelArn",
     .made = "ModelArn",
     .named = "ModelName",
     .create = {.operation = "CreateModel", .places = model_given},
     .readings = model_readings,
     .gone = not_there,
     .tagging = tagging,
     .remove = {.operation = "DeleteModel", .id_name = "ModelName"},
     .list = {.operation = "ListModels"},
     .listed = "Models.ModelArn",
     .paging = pages},
    {.name = "AWS::SageMaker::EndpointConfig",
     .schema = api::schema(),
     .properties = config_properties,
     .identifier = "EndpointConfigArn",
     .made = "EndpointConfigArn",
     .named = "EndpointConfigName",
     .create = {.operation = "CreateEndpointConfig", .places = config_given},
     .readings = config_readings,
     .gone = not_there,
     .tagging = tagging,
     .remove = {.operation = "DeleteEndpointConfig", .id_name = "EndpointConfigName"},
     .list = {.operation = "ListEndpointConfigs"},
     .listed = "EndpointConfigs.EndpointConfigArn",
     .paging = pages},
    {.name = "AWS::SageMaker::Endpoint",
     .schema = api::schema(),
     .properties = endpoint_properties,
     .identifier = "EndpointArn",
     .made = "EndpointArn",
     .named = "EndpointName",
     .create = {.operation = "CreateEndpoint", .places = endpoint_given},
     .readings = endpoint_readings,
     .gone = not_there,
     .updates = endpoint_updates,
     .tagging = tagging,
     .remove = {.operation = "DeleteEndpoint", .id_name = "EndpointName"},
     .list = {.operation = "ListEndpoints"},
     .listed = "Endpoints.EndpointArn",
     .paging = pages,
     .stability = {.state = "EndpointStatus", .stable = "InService", .reason = "FailureReason"}},
    {.name = "AWS::SageMaker::InferenceComponent",
     .schema = api::schema(),
     .properties = component_properties,
     .identifier = "InferenceComponentArn",
     .made = "InferenceComponentArn",
     .named = "InferenceComponentName",
     .create = {.operation = "CreateInferenceComponent", .places = component_given},
     .readings = component_readings,
     .gone = not_there,
     .updates = component_updates,
     .tagging = tagging,
     .remove = {.operation = "DeleteInferenceComponent", .id_name = "InferenceComponentName"},
     .list = {.operation = "ListInferenceComponents"},
     .listed = "InferenceComponents.InferenceComponentArn",
     .paging = pages,
     .stability = {.state = "InferenceComponentStatus",
                   .stable = "InService",
                   .reason = "FailureReason"},
     .refused = "EndpointArn"},
};

}  // namespace

std::span<const ResourceType> resource_types() { return types; }

}  // namespace slipway::sagemaker
