#include "service/sagemaker/serverless.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/errors.h"
#include "service/sagemaker/resources.h"

namespace slipway::sagemaker {
namespace {

namespace api = aws::sagemaker;
using service::refuse;

constexpr const char* invalid = "ValidationException";

std::unexpected<Error> excluded(std::string_view what) {
  return refuse(invalid, fmt::format("{} is not supported for serverless endpoints.", what));
}

Result<> check_sizes(const api::ProductionVariantServerlessConfig& config,
                     std::string_view variant) {
  if (config.MemorySizeInMB() % serverless_memory_step_mb != 0)
    return refuse(invalid,
                  fmt::format("ServerlessConfig of production variant \"{}\": MemorySizeInMB must "
                              "be one of 1024, 2048, 3072, 4096, 5120 and 6144; {} was given.",
                              variant, config.MemorySizeInMB()));
  const std::int64_t provisioned = config.ProvisionedConcurrency().value_or(0);
  if (provisioned > config.MaxConcurrency())
    return refuse(invalid,
                  fmt::format("ServerlessConfig of production variant \"{}\": "
                              "ProvisionedConcurrency ({}) must not be more than MaxConcurrency "
                              "({}).",
                              variant, provisioned, config.MaxConcurrency()));
  return {};
}

// What belongs to instances.
Result<> check_members(const api::ProductionVariant& variant) {
  const auto refuse_member = [&](std::string_view member) {
    return refuse(invalid,
                  fmt::format("Production variant \"{}\" has a ServerlessConfig; {} cannot stand "
                              "beside it.",
                              variant.VariantName(), member));
  };
  if (variant.InstanceType()) return refuse_member("InstanceType");
  if (variant.InitialInstanceCount()) return refuse_member("InitialInstanceCount");
  if (variant.AcceleratorType()) return refuse_member("AcceleratorType");
  if (variant.CoreDumpConfig()) return refuse_member("CoreDumpConfig");
  if (variant.VolumeSizeInGB()) return refuse_member("VolumeSizeInGB");
  if (variant.ManagedInstanceScaling()) return refuse_member("ManagedInstanceScaling");
  if (!variant.InstancePools().empty()) return refuse_member("InstancePools");
  if (variant.InferenceAmiVersion()) return refuse_member("InferenceAmiVersion");
  if (variant.EnableSSMAccess().value_or(false)) return refuse_member("EnableSSMAccess");
  if (!variant.ModelName()) return excluded("A production variant without a ModelName");
  return {};
}

Result<> check_model(const Call& call, std::string_view name) {
  TRY(const Resource resource, get(call, model_kind, name));
  TRY(const auto model, document_of<api::CreateModelInput>(call, resource));
  if (model.VpcConfig()) return excluded("A model with a VpcConfig");
  if (model.EnableNetworkIsolation().value_or(false))
    return excluded("A model with EnableNetworkIsolation");
  if (model.Containers().size() > 1) return excluded("A model with several containers");
  const auto multi = [](const auto& container) { return container.Mode() == "MultiModel"; };
  if (multi(model.PrimaryContainer()) || std::ranges::any_of(model.Containers(), multi))
    return excluded("A container of mode MultiModel");
  return {};
}

Result<> check_surroundings(const api::CreateEndpointConfigInput& config) {
  if (config.ProductionVariants().size() > 1) return excluded("More than one production variant");
  if (!config.ShadowProductionVariants().empty()) return excluded("A shadow variant");
  if (config.DataCaptureConfig()) return excluded("DataCaptureConfig");
  if (config.AsyncInferenceConfig()) return excluded("AsyncInferenceConfig");
  if (config.ExplainerConfig()) return excluded("ExplainerConfig");
  if (config.VpcConfig()) return excluded("VpcConfig");
  if (config.EnableNetworkIsolation().value_or(false)) return excluded("EnableNetworkIsolation");
  return {};
}

bool is_elastic(const fleet::Variant& variant) { return variant.elastic() != nullptr; }

void fill_one(api::ProductionVariantServerlessConfig config, const routing::Elastic& elastic) {
  config.MaxConcurrency(elastic.concurrency_max);
  if (elastic.provisioned > 0) config.ProvisionedConcurrency(elastic.provisioned);
}

}  // namespace

Result<> check_serverless(const Call& call, const api::CreateEndpointConfigInput& config) {
  for (const auto variant : config.ShadowProductionVariants())
    if (variant.ServerlessConfig()) return excluded("A shadow variant");
  for (const auto variant : config.ProductionVariants()) {
    if (!variant.ServerlessConfig()) continue;
    TRY_DO(check_sizes(variant.ServerlessConfig(), variant.VariantName()));
    TRY_DO(check_surroundings(config));
    TRY_DO(check_members(variant));
    TRY_DO(check_model(call, *variant.ModelName()));
  }
  return {};
}

void make_serverless(const api::ProductionVariantServerlessConfig& config,
                     fleet::Variant& variant) {
  const bool built_in = !variant.program.built_in.empty();
  variant.serving = routing::Elastic{
      .concurrency_max = static_cast<std::uint32_t>(config.MaxConcurrency()),
      .provisioned = static_cast<std::uint32_t>(config.ProvisionedConcurrency().value_or(0)),
      .requests_per_instance = built_in ? requests_per_built_in_instance : 1,
      .body_bytes_max = serverless_body_bytes_max};
  variant.program.memory_bytes_max = static_cast<std::uint64_t>(config.MemorySizeInMB()) << 20;
  variant.program.startup_timeout = serverless_startup_timeout;
  variant.program.download_timeout = serverless_startup_timeout;
}

Result<> check_conversion(const fleet::FleetPlan& now, const fleet::FleetPlan& wanted) {
  if (!std::ranges::all_of(now.variants, is_elastic) &&
      std::ranges::any_of(wanted.variants, is_elastic))
    return refuse(invalid,
                  "An instance-based endpoint cannot be updated to a serverless endpoint. Create a "
                  "new endpoint instead.");
  return {};
}

Result<> take_serverless_update(const api::DesiredWeightAndCapacity& wanted,
                                const fleet::VariantStatus& variant, fleet::VariantChange& change) {
  const auto update = wanted.ServerlessUpdateConfig();
  if (update && !variant.elastic_current)
    return refuse(invalid, fmt::format("Variant \"{}\" is not serverless; ServerlessUpdateConfig "
                                       "cannot be applied to it.",
                                       variant.name));
  if (variant.elastic_current && wanted.DesiredInstanceCount())
    return refuse(invalid, fmt::format("Variant \"{}\" is serverless; DesiredInstanceCount cannot "
                                       "be applied to it.",
                                       variant.name));
  if (!update) return {};
  if (const auto max = update.MaxConcurrency())
    change.concurrency_max = static_cast<std::uint32_t>(*max);
  if (const auto provisioned = update.ProvisionedConcurrency())
    change.provisioned = static_cast<std::uint32_t>(*provisioned);
  const std::uint32_t max =
      change.concurrency_max.value_or(variant.elastic_current->concurrency_max);
  const std::uint32_t provisioned =
      change.provisioned.value_or(variant.elastic_current->provisioned);
  if (provisioned > max)
    return refuse(invalid, fmt::format("ServerlessUpdateConfig of variant \"{}\": "
                                       "ProvisionedConcurrency ({}) must not be more than "
                                       "MaxConcurrency ({}).",
                                       variant.name, provisioned, max));
  return {};
}

void fill_serverless(api::ProductionVariantSummary variant, const fleet::VariantStatus& status) {
  if (variant.CurrentServerlessConfig() && status.elastic_current)
    fill_one(variant.CurrentServerlessConfig(), *status.elastic_current);
  if (variant.DesiredServerlessConfig() && status.elastic_wanted)
    fill_one(variant.DesiredServerlessConfig(), *status.elastic_wanted);
}

}  // namespace slipway::sagemaker
