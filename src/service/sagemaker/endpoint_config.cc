#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/objects/uri.h"
#include "service/errors.h"
#include "service/sagemaker/async_config.h"
#include "service/sagemaker/operations.h"
#include "service/sagemaker/plan.h"
#include "service/sagemaker/resources.h"
#include "service/sagemaker/serverless.h"

namespace slipway::sagemaker {
namespace {

using service::refuse;

Result<> check_variants(const Call& call, const wire::ListView<api::ProductionVariant>& variants,
                        std::set<std::string_view>& names) {
  for (const auto variant : variants) {
    if (!names.insert(variant.VariantName()).second)
      return refuse("ValidationException", fmt::format("Two production variants are named \"{}\".",
                                                       variant.VariantName()));
    if (variant.ModelName()) TRY_DO(get(call, model_kind, *variant.ModelName()));
    if (!variant.ServerlessConfig() && !variant.InstanceType())
      return refuse(
          "ValidationException",
          fmt::format("Production variant \"{}\" needs an InstanceType.", variant.VariantName()));
  }
  return {};
}

// A configuration without models is for inference components: all of its variants are, and the role
// that a model would name stands in the configuration.
Result<> check_components(const api::CreateEndpointConfigInput& in) {
  const auto has_model = [](const auto variant) { return variant.ModelName().has_value(); };
  const auto& variants = in.ProductionVariants();
  if (std::ranges::all_of(variants, has_model)) return {};
  if (std::ranges::any_of(variants, has_model))
    return refuse("ValidationException",
                  "Either all production variants have a ModelName, or none has one and the "
                  "endpoint hosts inference components.");
  if (!in.ExecutionRoleArn())
    return refuse("ValidationException",
                  "ExecutionRoleArn is required for an endpoint configuration whose production "
                  "variants have no ModelName.");
  if (!in.ShadowProductionVariants().empty() || in.AsyncInferenceConfig())
    return refuse("ValidationException",
                  "Inference components are not supported together with shadow variants or "
                  "AsyncInferenceConfig.");
  return {};
}

// "SageMaker supports a maximum of one shadow variant per endpoint. For an endpoint with a shadow
// variant, there can be a maximum of one production variant"; and neither serverless nor
// asynchronous ones.
Result<> check_shadows(const api::CreateEndpointConfigInput& config) {
  const auto shadows = config.ShadowProductionVariants();
  if (shadows.empty()) return {};
  if (shadows.size() > 1)
    return refuse("ValidationException", "An endpoint has one shadow variant at most.");
  if (config.ProductionVariants().size() > 1)
    return refuse("ValidationException",
                  "An endpoint with a shadow variant has one production variant at most.");
  const bool serverless =
      config.ProductionVariants()[0].ServerlessConfig() || shadows[0].ServerlessConfig();
  if (serverless || config.AsyncInferenceConfig())
    return refuse("ValidationException",
                  "Shadow variants are not supported with serverless or asynchronous inference.");
  return {};
}

// The shape allows "https:" too, of which nobody says what it means.
Result<> check_capture(const api::CreateEndpointConfigInput& config) {
  if (!config.DataCaptureConfig()) return {};
  const std::string_view destination = config.DataCaptureConfig().DestinationS3Uri();
  if (objects::parse_uri(destination)) return {};
  return refuse(
      "ValidationException",
      fmt::format("DataCaptureConfig: DestinationS3Uri {} is not an s3:// address.", destination));
}

// What stands where a variant says nothing: "If unspecified, it defaults to 1.0".
void fill_defaults(api::ProductionVariant variant) {
  if (!variant.InitialVariantWeight()) variant.InitialVariantWeight(variant_weight_default);
  if (variant.InstanceType() && !variant.InitialInstanceCount())
    variant.InitialInstanceCount(variant_instances_default);
}

}  // namespace

Result<api::CreateEndpointConfigOutput> create_endpoint_config(Call& call, const ReachCheck& reach,
                                                               api::CreateEndpointConfigInput in) {
  std::set<std::string_view> names;
  TRY_DO(check_variants(call, in.ProductionVariants(), names));
  TRY_DO(check_variants(call, in.ShadowProductionVariants(), names));
  TRY_DO(check_serverless(call, in));
  TRY_DO(check_components(in));
  TRY_DO(check_async(in));
  TRY_DO(check_shadows(in));
  TRY_DO(check_capture(in));
  TRY_DO(reach.write_results(call, in));
  TRY(const Resource config,
      create(call, endpoint_config_kind, in.EndpointConfigName(), wire::to_json(in)));
  TRY_DO(put_tags(call, config.arn, in.Tags()));
  return call.output<api::CreateEndpointConfigOutput>().EndpointConfigArn(config.arn);
}

Result<api::DescribeEndpointConfigOutput> describe_endpoint_config(
    Call& call, api::DescribeEndpointConfigInput in) {
  TRY(const Resource config, get(call, endpoint_config_kind, in.EndpointConfigName()));
  TRY(const auto given, document_of<api::CreateEndpointConfigInput>(call, config));
  auto out = call.output<api::DescribeEndpointConfigOutput>();
  out.EndpointConfigArn(config.arn).CreationTime(config.created);
  out.EnableNetworkIsolation(given.EnableNetworkIsolation().value_or(false));
  wire::echo(given, out);
  for (const auto variant : out.ProductionVariants()) fill_defaults(variant);
  for (const auto variant : out.ShadowProductionVariants()) fill_defaults(variant);
  return out;
}

Result<api::ListEndpointConfigsOutput> list_endpoint_configs(Call& call,
                                                             api::ListEndpointConfigsInput in) {
  TRY(const ResourceListPage page, list(call, endpoint_config_kind, list_query(call, in)));
  auto out = call.output<api::ListEndpointConfigsOutput>();
  out.EndpointConfigs(wire::empty);
  for (const ListedResource& item : page.items)
    out.add_EndpointConfigs()
        .EndpointConfigName(item.resource.name)
        .EndpointConfigArn(item.resource.arn)
        .CreationTime(item.resource.created);
  if (page.next_token) out.NextToken(*page.next_token);
  return out;
}

// An endpoint keeps what it was deployed from, so its configuration may go before it.
Result<> delete_endpoint_config(Call& call, api::DeleteEndpointConfigInput in) {
  return remove(call, endpoint_config_kind, in.EndpointConfigName());
}

}  // namespace slipway::sagemaker
