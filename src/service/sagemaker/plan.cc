#include "service/sagemaker/plan.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>
#include <variant>
#include <vector>

#include "service/errands.h"
#include "service/errors.h"
#include "service/resource_key.h"
#include "service/sagemaker/async_config.h"
#include "service/sagemaker/capture_file.h"
#include "service/sagemaker/contract.h"
#include "service/sagemaker/instance_types.h"
#include "service/sagemaker/serverless.h"

namespace slipway::sagemaker {
namespace {

namespace api = aws::sagemaker;
using service::refuse;

// "sagemaker-xgboost" of "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1".
std::string_view repository_of(std::string_view image) {
  image = image.substr(0, image.find('@'));
  if (const auto slash = image.rfind('/'); slash != image.npos) image.remove_prefix(slash + 1);
  return image.substr(0, image.find(':'));
}

std::unexpected<Error> not_built(std::string_view what) {
  return refuse("ValidationException",
                fmt::format("{} is not supported by this version of Slipway.", what));
}

Result<artifacts::Artifact> artifact_of(const api::S3ModelDataSource& source) {
  const bool gzip = source.CompressionType() == "Gzip";
  const bool prefix = source.S3DataType() == "S3Prefix";
  if (gzip && prefix)
    return refuse("ValidationException",
                  "ModelDataSource: CompressionType Gzip needs S3DataType S3Object.");
  const auto form = gzip     ? artifacts::Artifact::Form::tar_gz
                    : prefix ? artifacts::Artifact::Form::prefix
                             : artifacts::Artifact::Form::object;
  return artifacts::Artifact{.uri = std::string(source.S3Uri()), .form = form};
}

Result<std::optional<artifacts::Artifact>> model_data(const api::ContainerDefinition& container) {
  if (container.ModelDataUrl())
    return artifacts::Artifact{.uri = std::string(*container.ModelDataUrl()),
                               .form = artifacts::Artifact::Form::tar_gz};
  const auto source = container.ModelDataSource().S3DataSource();
  if (!source) return std::nullopt;
  TRY(const artifacts::Artifact artifact, artifact_of(source));
  return artifact;
}

std::vector<api::ContainerDefinition> containers_of(const api::CreateModelInput& model) {
  if (model.PrimaryContainer()) return {model.PrimaryContainer()};
  std::vector<api::ContainerDefinition> containers;
  for (const auto container : model.Containers()) containers.push_back(container);
  return containers;
}

// The SageMaker SDK names the archive of a model's script here, and AWS's own containers fetch it
// themselves. The built-in images have no client for S3: it comes to them as an artifact.
std::optional<fleet::Code> code_of(const api::ContainerDefinition& container) {
  constexpr std::string_view variable = "SAGEMAKER_SUBMIT_DIRECTORY";
  for (const auto& [name, value] : container.Environment())
    if (name == variable && value.starts_with("s3://"))
      return fleet::Code{
          .artifact = {.uri = std::string(value), .form = artifacts::Artifact::Form::tar_gz},
          .variable = std::string(variable)};
  return std::nullopt;
}

// How many models an instance of a multi-model container keeps in memory. AWS has no such setting
// and lets the container say when it has no memory; this is Slipway's own, for containers that do
// not say so.
Result<std::uint32_t> loaded_max_of(const api::ContainerDefinition& container) {
  constexpr std::string_view variable = "SLIPWAY_LOADED_MODELS_MAX";
  for (const auto& [name, value] : container.Environment()) {
    if (name != variable) continue;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size()) return number;
    return refuse("ValidationException",
                  fmt::format("{} is '{}', which is no number.", variable, value));
  }
  return 0;
}

// Mode MultiModel: ModelDataUrl is a prefix, and each request names a model below it.
Result<> take_collection(const api::ContainerDefinition& container, ContainerProgram& made) {
  fleet::Program& program = made.program;
  if (!program.model)
    return refuse("ValidationException",
                  "A container of Mode MultiModel needs a ModelDataUrl: the prefix of its models.");
  TRY(const std::uint32_t loaded_max, loaded_max_of(container));
  made.models = residency::ModelCollection{
      .uri = program.model->uri,
      .form = program.model->form,
      .kept = container.MultiModelConfig().ModelCacheSetting() != "Disabled",
      .loaded_max = loaded_max};
  program.model.reset();
  program.environment["SAGEMAKER_MULTI_MODEL"] = "true";
  return {};
}

std::uint32_t initial_count(const api::ProductionVariant& given) {
  return static_cast<std::uint32_t>(
      given.InitialInstanceCount().value_or(variant_instances_default));
}

// The instances of a variant without a model: room for inference components.
Result<fleet::Variant> offered_variant(const api::ProductionVariant& given) {
  const std::string_view type = given.InstanceType().value_or("");
  const auto offers = resources_of(type);
  if (!offers)
    return refuse("ValidationException",
                  fmt::format("Slipway does not know what an instance of type \"{}\" offers to "
                              "inference components.",
                              type));
  return fleet::Variant{.name = std::string(given.VariantName()),
                        .weight = given.InitialVariantWeight().value_or(variant_weight_default),
                        .serving = fleet::Machines{.each = *offers, .count = initial_count(given)}};
}

}  // namespace

Result<ContainerProgram> program_of(const BuiltInImages& built_in,
                                    const api::ContainerDefinition& container) {
  ContainerProgram made{.program = {.contract = container_contract()}};
  fleet::Program& program = made.program;
  const std::string_view image = *container.Image();
  const std::string_view repository = repository_of(image);
  if (built_in.contains(repository))
    program.built_in = repository;
  else
    program.image = image;
  for (const auto& [name, value] : container.Environment())
    program.environment.emplace(name, value);
  if (!program.built_in.empty())
    program.environment[std::string(image_variable)] = image.substr(image.rfind('/') + 1);
  TRY(program.model, model_data(container));
  if (container.Mode() == "MultiModel") TRY_DO(take_collection(container, made));
  if (!program.built_in.empty()) program.code = code_of(container);
  return made;
}

fleet::Serving serving_of(std::optional<residency::ModelCollection> models,
                          const fleet::SingleModel& single) {
  if (!models) return single;
  return fleet::MultiModel{
      .models = *std::move(models), .instances = single.instances, .at_zero = single.at_zero};
}

// What SageMaker's containers are told too: SDKs of AWS need a region.
void act_as(const Call& call, std::string_view role_arn, fleet::Program& program) {
  if (role_arn.empty()) return;
  program.acts_as = role_arn;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
    program.environment.try_emplace(name, call.region());
}

Result<> read_for(const Call& call, std::string_view role_arn, std::string_view maker,
                  ContainerProgram& container) {
  fleet::Program& program = container.program;
  TRY(const std::string reader, service::Errands::remembered(call.tx(), role_arn, maker));
  if (program.model) program.model->reader = reader;
  if (container.models) container.models->reader = reader;
  if (program.code) program.code->artifact.reader = reader;
  return {};
}

Result<LoneContainer> container_of_model(const Call& call, std::string_view model_name) {
  TRY(const Resource resource, get(call, model_kind, model_name));
  TRY(const auto model, document_of<api::CreateModelInput>(call, resource));
  const auto containers = containers_of(model);
  if (containers.size() > 1)
    return not_built("A model with several containers in an inference component");
  return LoneContainer{containers.front(), model.ExecutionRoleArn().value_or(""), resource.maker};
}

namespace {

void limit_startup(const api::ProductionVariant& variant, fleet::Program& program) {
  if (const auto limit = variant.ContainerStartupHealthCheckTimeoutInSeconds())
    program.startup_timeout = std::chrono::seconds(*limit);
  if (const auto limit = variant.ModelDataDownloadTimeoutInSeconds())
    program.download_timeout = std::chrono::seconds(*limit);
}

// An instance's machine is its container's, where the place can keep it to that: a program of this
// host shares the host.
void limit_to_machine(std::string_view instance_type, fleet::Program& program) {
  const auto machine = resources_of(instance_type);
  if (program.image.empty() || !machine) return;
  program.memory_bytes_max = static_cast<std::uint64_t>(machine->memory_mib) << 20;
}

Result<api::CreateModelInput> model_of(const Call& call, std::string_view model_name) {
  TRY(const Resource resource, get(call, model_kind, model_name));
  return document_of<api::CreateModelInput>(call, resource);
}

// AWS's name for a container that was given none is its place, from 1.
std::string container_name(const api::ContainerDefinition& container, std::size_t index) {
  return container.ContainerHostname() ? std::string(*container.ContainerHostname())
                                       : fmt::format("container-{}", index + 1);
}

// A container of an image is told where to listen when it is one of several. Here each has a
// network of its own, so it is the port of a lone one; the range for further ports is a choice.
void tell_ports(fleet::Program& program) {
  if (program.image.empty()) return;  // programs of this host listen on sockets in the file tree
  program.environment.try_emplace("SAGEMAKER_BIND_TO_PORT",
                                  fmt::to_string(program.contract.ports.front()));
  program.environment.try_emplace("SAGEMAKER_SAFE_PORT_RANGE", "9000-9999");
}

fleet::Variant variant_of(const api::ProductionVariant& given, ContainerProgram container) {
  limit_startup(given, container.program);
  limit_to_machine(given.InstanceType().value_or(""), container.program);
  // PREFIX_AWARE stands in no API model up to botocore 1.43.67: validation refuses it before this.
  const bool least = given.RoutingConfig().RoutingStrategy() == "LEAST_OUTSTANDING_REQUESTS";
  const auto balancing = least ? routing::Balancing::least_outstanding : routing::Balancing::random;
  fleet::Variant variant{
      .name = std::string(given.VariantName()),
      .weight = given.InitialVariantWeight().value_or(variant_weight_default),
      .serving = serving_of(std::move(container.models),
                            {.instances = initial_count(given), .balancing = balancing}),
      .program = std::move(container.program)};
  if (given.ServerlessConfig()) make_serverless(given.ServerlessConfig(), variant);
  return variant;
}

// One container of a model that has several, each with one model of its own.
void make_container(const api::InferenceExecutionConfig& execution, std::string name,
                    fleet::Variant& variant) {
  const auto alone = std::get<fleet::SingleModel>(variant.serving);
  variant.name += "." + name;
  if (execution.Mode() == "Direct")
    variant.serving = fleet::DirectContainer{std::move(name), alone.instances, alone.balancing};
  else
    variant.serving = fleet::SerialContainer{std::move(name), alone.instances, alone.balancing};
  tell_ports(variant.program);
}

// Where a shadow variant's model cannot have several containers, nor a serverless one's.
Result<> check_several(const api::ProductionVariant& given, routing::Audience audience) {
  if (audience == routing::Audience::shadow)
    return refuse("ValidationException",
                  fmt::format("Shadow variant \"{}\": a model with several containers cannot be "
                              "used with shadow variants.",
                              given.VariantName()));
  if (given.ServerlessConfig())
    return refuse(
        "ValidationException",
        fmt::format("Production variant \"{}\": a model with several containers cannot be "
                    "served by a serverless endpoint.",
                    given.VariantName()));
  return {};
}

// As many variants of the fleet as the model has containers. `maker` is the configuration's.
Result<> add_variant(const Call& call, const BuiltInImages& built_in,
                     const api::ProductionVariant& given, routing::Audience audience,
                     std::string_view maker, fleet::FleetPlan& plan) {
  if (!given.ModelName()) {
    TRY(fleet::Variant room, offered_variant(given));
    plan.variants.push_back(std::move(room));
    return {};
  }
  TRY(const Resource resource, get(call, model_kind, *given.ModelName()));
  TRY(const auto model, document_of<api::CreateModelInput>(call, resource));
  const auto containers = containers_of(model);
  const bool several = containers.size() > 1;
  if (several) TRY_DO(check_several(given, audience));
  const std::string_view role = model.ExecutionRoleArn().value_or("");
  TRY(std::string writer, service::Errands::remembered(call.tx(), role, maker));
  if (!writer.empty()) plan.writers.emplace(given.VariantName(), std::move(writer));
  for (std::size_t i = 0; i < containers.size(); ++i) {
    if (several && containers[i].Mode() == "MultiModel")
      return not_built("A container of mode MultiModel among several");
    TRY(ContainerProgram program, program_of(built_in, containers[i]));
    act_as(call, role, program.program);
    TRY_DO(read_for(call, role, resource.maker, program));
    fleet::Variant variant = variant_of(given, std::move(program));
    if (several)
      make_container(model.InferenceExecutionConfig(), container_name(containers[i], i), variant);
    variant.audience = audience;
    plan.variants.push_back(std::move(variant));
  }
  return {};
}

Result<> add_face(const Call& call, const api::ProductionVariant& given,
                  api::ProductionVariantSummary variant) {
  variant.VariantName(given.VariantName());
  if (given.RoutingConfig()) variant.RoutingConfig(given.RoutingConfig());
  if (given.ManagedInstanceScaling())
    variant.ManagedInstanceScaling(given.ManagedInstanceScaling());
  if (const auto serverless = given.ServerlessConfig())
    variant.CurrentServerlessConfig(serverless).DesiredServerlessConfig(serverless);
  if (!given.ModelName()) return {};
  TRY(const auto model, model_of(call, *given.ModelName()));
  for (const api::ContainerDefinition& container : containers_of(model))
    variant.add_DeployedImages()
        .SpecifiedImage(container.Image())
        .ResolvedImage(container.Image())
        .ResolutionTime(call.now());
  return {};
}

}  // namespace

namespace {

// The key is asked for by the model's shape, also where none was given.
void fill_capture(const api::DataCaptureConfig& given, api::DataCaptureConfigSummary summary) {
  const bool enabled = given.EnableCapture().value_or(true);
  summary.EnableCapture(enabled)
      .CaptureStatus(enabled ? "Started" : "Stopped")
      .CurrentSamplingPercentage(given.InitialSamplingPercentage())
      .DestinationS3Uri(given.DestinationS3Uri())
      .KmsKeyId(given.KmsKeyId().value_or(""));
}

}  // namespace

routing::FleetId fleet_of(const Call& call, std::string_view endpoint_name) {
  return {service::resource_key(call.caller(), endpoint_name)};
}

Result<fleet::FleetPlan> fleet_plan(const Call& call, const BuiltInImages& built_in,
                                    const api::CreateEndpointConfigInput& config,
                                    std::string_view maker) {
  if (config.ExplainerConfig()) return not_built("ExplainerConfig");
  fleet::FleetPlan plan;
  plan.capture = capture_plan(config.DataCaptureConfig());
  for (const auto given : config.ProductionVariants())
    TRY_DO(add_variant(call, built_in, given, routing::Audience::callers, maker, plan));
  for (const auto given : config.ShadowProductionVariants())
    TRY_DO(add_variant(call, built_in, given, routing::Audience::shadow, maker, plan));
  if (plan.capture && plan.variants.front().machines() != nullptr)
    return not_built("DataCaptureConfig for inference components");
  if (config.AsyncInferenceConfig()) ask_by_queue(plan);
  TRY_DO(fleet::check(plan));
  return plan;
}

Result<> apply_stream_alignment(const Call& call, std::string_view endpoint_arn,
                                fleet::FleetPlan& plan) {
  const auto value = tags::find(call.tx(), service::tagged_by(endpoint_arn), stream_alignment_tag);
  if (!value) return {};
  if (value != "line" && value != "sse")
    return refuse("ValidationException",
                  fmt::format("Tag {} has the value '{}'; it is 'line' or 'sse'.",
                              stream_alignment_tag, *value));
  plan.part_border = value == "line" ? routing::PartBorder::line : routing::PartBorder::event;
  return {};
}

Result<api::DescribeEndpointOutput> deployment_face(const Call& call,
                                                    const api::CreateEndpointConfigInput& config) {
  api::DescribeEndpointOutput face(call.arena());
  face.EndpointConfigName(config.EndpointConfigName());
  if (const auto capture = config.DataCaptureConfig())
    fill_capture(capture, face.make_DataCaptureConfig());
  if (config.AsyncInferenceConfig()) face.AsyncInferenceConfig(config.AsyncInferenceConfig());
  for (const auto given : config.ProductionVariants())
    TRY_DO(add_face(call, given, face.add_ProductionVariants()));
  for (const auto given : config.ShadowProductionVariants())
    TRY_DO(add_face(call, given, face.add_ShadowProductionVariants()));
  return face;
}

}  // namespace slipway::sagemaker
