#include <fmt/format.h>

#include <set>

#include "engine/objects/objects.h"
#include "engine/objects/uri.h"
#include "service/errors.h"
#include "service/sagemaker/operations.h"
#include "service/sagemaker/resources.h"

namespace slipway::sagemaker {
namespace {

using service::refuse;

// Limits.
constexpr std::size_t environment_bytes_max = 32 * 1024;  // of all containers of a model

constexpr std::string_view archive_suffix = ".tar.gz";

// SageMaker looks for a model's archive when the model is made, and so do we: a typing error shows
// here and not minutes later.
Result<> expect_model_data(const Call& call, std::string_view url) {
  const auto name = objects::parse_uri(url);
  if (!name || objects::find(call.tx(), *name)) return {};
  return refuse("ValidationException", fmt::format("Could not find model data at {}.", url));
}

// "A valid key name prefix identified by S3Uri always ends with a forward slash"; an object is
// looked for like the one that a ModelDataUrl names.
Result<> check_source(const Call& call, const api::S3ModelDataSource& source) {
  if (source.S3DataType() == "S3Object") return expect_model_data(call, source.S3Uri());
  if (source.S3Uri().ends_with('/')) return {};
  return refuse("ValidationException",
                fmt::format("ModelDataSource: S3Uri {} is given as S3Prefix and does not end with "
                            "a forward slash.",
                            source.S3Uri()));
}

// Mode MultiModel: a prefix, below which each request names a model; it may be empty still. AWS
// refuses the others too, in words that are not known.
Result<> expect_collection(const Call& call, const api::ContainerDefinition& container) {
  const auto source = container.ModelDataSource().S3DataSource();
  if (!container.ModelDataUrl() && !source)
    return refuse("ValidationException",
                  "A container of Mode MultiModel needs a ModelDataUrl: the prefix of its models.");
  const std::string_view url =
      container.ModelDataUrl() ? *container.ModelDataUrl() : source.S3Uri();
  const auto name = objects::parse_uri(url);
  const bool is_object = name && !name->key.empty() && objects::find(call.tx(), *name).has_value();
  if (!url.ends_with(archive_suffix) && (!is_object || url.ends_with('/')) &&
      source.S3DataType() != "S3Object")
    return {};
  return refuse("ValidationException",
                fmt::format("ModelDataUrl {} is an object; in Mode MultiModel it is the prefix of "
                            "the models.",
                            url));
}

Result<> check_container(const Call& call, const api::ContainerDefinition& container) {
  if (!container.Image() && !container.ModelPackageName())
    return refuse("ValidationException",
                  "A container definition must name an Image or a ModelPackageName.");
  if (container.ModelPackageName())
    return refuse("ValidationException",
                  "ModelPackageName is not supported by this version of Slipway; give Image and "
                  "ModelDataUrl.");
  if (container.ModelDataUrl() && container.ModelDataSource())
    return refuse("ValidationException",
                  "ModelDataUrl and ModelDataSource cannot both be given in a container.");
  const auto source = container.ModelDataSource().S3DataSource();
  if (source) TRY_DO(check_source(call, source));
  if (container.Mode() == "MultiModel") return expect_collection(call, container);
  if (container.ModelDataUrl()) return expect_model_data(call, *container.ModelDataUrl());
  return {};
}

// One limit for the environments of all containers together, be there one or several.
Result<> check_environments(const api::CreateModelInput& model) {
  std::size_t bytes = 0;
  const auto add = [&](const api::ContainerDefinition& container) {
    for (const auto& [key, value] : container.Environment()) bytes += key.size() + value.size();
  };
  if (model.PrimaryContainer()) add(model.PrimaryContainer());
  for (const auto container : model.Containers()) add(container);
  if (bytes <= environment_bytes_max) return {};
  return refuse("ValidationException",
                fmt::format("The environments of a model's containers may have {} bytes together.",
                            environment_bytes_max));
}

// The containers of a model among themselves: names for all of them or for none, none twice.
Result<> check_containers(const api::CreateModelInput& model) {
  const auto containers = model.Containers();
  std::set<std::string_view> names;
  std::size_t multi_model = 0;
  for (const auto container : containers) {
    const auto name = container.ContainerHostname();
    if (name && !names.insert(*name).second)
      return refuse("ValidationException",
                    fmt::format("Two containers have the ContainerHostname \"{}\".", *name));
    if (container.Mode() == "MultiModel") ++multi_model;
  }
  if (!names.empty() && names.size() != containers.size())
    return refuse("ValidationException",
                  "If a ContainerHostname is given for one container of a model, it must be given "
                  "for every container of that model.");
  if (multi_model > 1)
    return refuse("ValidationException",
                  "More than one container in MultiModel mode is not supported with inference "
                  "pipeline.");
  if (model.InferenceExecutionConfig().Mode() == "Direct" && containers.size() < 2)
    return refuse("ValidationException",
                  "InferenceExecutionConfig with Mode Direct needs at least two Containers.");
  return {};
}

}  // namespace

Result<api::CreateModelOutput> create_model(Call& call, const ReachCheck& reach,
                                            api::CreateModelInput in) {
  if (static_cast<bool>(in.PrimaryContainer()) == !in.Containers().empty())
    return refuse("ValidationException",
                  "Exactly one of PrimaryContainer and Containers must be given.");
  TRY_DO(reach.read_model(call, in));  // before it is told what is there
  if (in.PrimaryContainer()) TRY_DO(check_container(call, in.PrimaryContainer()));
  for (const auto container : in.Containers()) TRY_DO(check_container(call, container));
  TRY_DO(check_containers(in));
  TRY_DO(check_environments(in));

  TRY(const Resource model, create(call, model_kind, in.ModelName(), wire::to_json(in)));
  TRY_DO(put_tags(call, model.arn, in.Tags()));
  return call.output<api::CreateModelOutput>().ModelArn(model.arn);
}

Result<api::DescribeModelOutput> describe_model(Call& call, api::DescribeModelInput in) {
  TRY(const Resource model, get(call, model_kind, in.ModelName()));
  TRY(const auto given, document_of<api::CreateModelInput>(call, model));
  auto out = call.output<api::DescribeModelOutput>();
  out.ModelArn(model.arn).CreationTime(model.created);
  out.EnableNetworkIsolation(given.EnableNetworkIsolation().value_or(false));
  wire::echo(given, out);
  // A single container says which kind it is, also where the client did not.
  if (auto container = out.PrimaryContainer(); container && !container.Mode())
    container.Mode("SingleModel");
  return out;
}

Result<api::ListModelsOutput> list_models(Call& call, api::ListModelsInput in) {
  TRY(const ResourceListPage page, list(call, model_kind, list_query(call, in)));
  auto out = call.output<api::ListModelsOutput>();
  out.Models(wire::empty);
  for (const ListedResource& item : page.items)
    out.add_Models()
        .ModelName(item.resource.name)
        .ModelArn(item.resource.arn)
        .CreationTime(item.resource.created);
  if (page.next_token) out.NextToken(*page.next_token);
  return out;
}

Result<> delete_model(Call& call, api::DeleteModelInput in) {
  return remove(call, model_kind, in.ModelName());
}

}  // namespace slipway::sagemaker
