#include "service/sagemaker/reach.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "engine/objects/uri.h"
#include "service/errors.h"
#include "service/s3_location.h"
#include "service/sagemaker/resources.h"

namespace slipway::sagemaker {
namespace {

namespace api = aws::sagemaker;
using service::Call;
using service::Errand;
using service::Errands;
using Goer = Errands::Goer;

// What is read of `url`: one object, or all below it.
enum class Form : std::uint8_t { object, prefix };

std::vector<Errand> reading(std::string_view url, Form form) {
  const auto place = objects::parse_uri(url);
  if (!place) return {};  // refused elsewhere: it names no bucket
  if (form == Form::object) return {service::read_object(*place)};
  return service::read_all_below(*place);
}

std::vector<Errand> data_of(const api::ContainerDefinition& container) {
  const Form whole = container.Mode() == "MultiModel" ? Form::prefix : Form::object;
  if (container.ModelDataUrl()) return reading(*container.ModelDataUrl(), whole);
  const auto source = container.ModelDataSource().S3DataSource();
  if (!source) return {};
  return reading(source.S3Uri(), source.S3DataType() == "S3Prefix" ? Form::prefix : whole);
}

// Results stand below a folder, whether its path ends in '/' or not.
void add_writing(std::optional<std::string_view> path, std::vector<Errand>& out) {
  auto folder = path ? service::s3_location(*path) : std::nullopt;
  if (!folder) return;
  if (!folder->key.empty() && !folder->key.ends_with('/')) folder->key += '/';
  out.push_back(service::write_below(*folder));
}

std::vector<Errand> results_of(const api::CreateEndpointConfigInput& config) {
  std::vector<Errand> out;
  if (config.DataCaptureConfig()) add_writing(config.DataCaptureConfig().DestinationS3Uri(), out);
  if (!config.AsyncInferenceConfig()) return out;
  const auto output = config.AsyncInferenceConfig().OutputConfig();
  add_writing(output.S3OutputPath(), out);
  add_writing(output.S3FailurePath(), out);
  for (const auto topic :
       {output.NotificationConfig().SuccessTopic(), output.NotificationConfig().ErrorTopic()})
    if (topic) out.push_back(service::publish(*topic));
  return out;
}

std::string role_of_model(const Call& call, std::string_view name) {
  const auto resource = find(call, model_kind, name);
  if (!resource) return {};  // refused elsewhere
  const auto model = document_of<api::CreateModelInput>(call, *resource);
  return model ? std::string(model->ExecutionRoleArn().value_or("")) : std::string();
}

// The configuration's own role is for inference components alone, which have no results to store.
std::set<std::string> roles_of(const Call& call, const api::CreateEndpointConfigInput& config) {
  std::set<std::string> roles;
  for (const auto& variants : {config.ProductionVariants(), config.ShadowProductionVariants()})
    for (const auto variant : variants)
      roles.insert(variant.ModelName() ? role_of_model(call, *variant.ModelName())
                                       : std::string(config.ExecutionRoleArn().value_or("")));
  return roles;
}

std::unexpected<Error> no_access(const Call& call, std::string_view role_arn,
                                 std::string_view url) {
  return service::refuse(
      "ValidationException",
      fmt::format("Could not access model data at {}. Please ensure that the role \"{}\" exists "
                  "and that its trust relationship policy allows the action \"sts:AssumeRole\" for "
                  "the service principal \"sagemaker.amazonaws.com\". Also ensure that the role "
                  "has \"s3:GetObject\" permissions and that the object is located in {}.",
                  url, role_arn, call.region()));
}

// A refusal of the role's is said in AWS's words for it, one of the caller's as any other.
Result<> read_data(const Call& call, const Errands& errands, std::string_view role_arn,
                   std::string_view url, const std::vector<Errand>& data) {
  if (data.empty()) return {};
  const auto goer = errands.goer(call, role_arn);
  if (!goer && goer.error().code == ErrorCode::permission_denied)
    return no_access(call, role_arn, url);
  if (!goer) return std::unexpected(goer.error());
  for (const Errand& errand : data) {
    const Result<> open = errands.check(call, *goer, errand);
    if (open) continue;
    if (goer->kind == Goer::Kind::caller) return open;
    return no_access(call, role_arn, url);
  }
  return {};
}

Result<> go(const Call& call, const Errands& errands, std::string_view role_arn,
            const std::vector<Errand>& all) {
  if (all.empty()) return {};
  auto goer = errands.goer(call, role_arn);
  if (!goer && goer.error().code == ErrorCode::permission_denied)
    return service::refuse("ValidationException", goer.error().message);
  if (!goer) return std::unexpected(std::move(goer).error());
  for (const Errand& errand : all) TRY_DO(errands.check(call, *goer, errand));
  return {};
}

std::string_view url_of(const api::ContainerDefinition& container) {
  return container.ModelDataUrl() ? *container.ModelDataUrl()
                                  : container.ModelDataSource().S3DataSource().S3Uri();
}

}  // namespace

Result<> ReachCheck::read_model(const Call& call, const api::CreateModelInput& model) const {
  if (!errands_) return {};
  const std::string_view role = model.ExecutionRoleArn().value_or("");
  const auto read = [&](const api::ContainerDefinition& container) -> Result<> {
    const auto data = data_of(container);
    if (data.empty()) return {};
    return read_data(call, *errands_, role, url_of(container), data);
  };
  if (model.PrimaryContainer()) TRY_DO(read(model.PrimaryContainer()));
  for (const auto container : model.Containers()) TRY_DO(read(container));
  return {};
}

Result<> ReachCheck::read_archive(const Call& call, std::string_view role_arn,
                                  std::string_view url) const {
  if (!errands_) return {};
  return read_data(call, *errands_, role_arn, url, reading(url, Form::object));
}

Result<> ReachCheck::write_results(const Call& call,
                                   const api::CreateEndpointConfigInput& config) const {
  if (!errands_) return {};
  const std::vector<Errand> results = results_of(config);
  if (results.empty()) return {};
  for (const std::string& role : roles_of(call, config)) TRY_DO(go(call, *errands_, role, results));
  return {};
}

Result<std::string> ReachCheck::transform(const Call& call,
                                          const api::CreateTransformJobRequest& job) const {
  if (!errands_) return std::string();
  const auto source = job.TransformInput().DataSource().S3DataSource();
  std::vector<Errand> all =
      reading(source.S3Uri(), source.S3DataType() == "S3Prefix" ? Form::prefix : Form::object);
  add_writing(job.TransformOutput().S3OutputPath(), all);
  const std::string role = role_of_model(call, job.ModelName());
  TRY_DO(go(call, *errands_, role, all));
  return Errands::remembered(call.tx(), role, Errands::remembered(call.caller().principal));
}

}  // namespace slipway::sagemaker
