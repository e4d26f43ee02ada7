// Who may do what with models, endpoints and jobs: docs.aws.amazon.com/service-authorization,
// list_amazonsagemaker.
#include "service/permissions.h"

#include "base/text.h"

#include "service/sagemaker/resources.h"
#include "service/sagemaker/sagemaker.h"

namespace slipway::sagemaker {
namespace {

using service::Context;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;
using With = std::pair<std::string_view, std::string_view>;

constexpr std::string_view model = "{arn}:model/{lower:ModelName}";
constexpr std::string_view config = "{arn}:endpoint-config/{lower:EndpointConfigName}";
constexpr std::string_view endpoint = "{arn}:endpoint/{lower:EndpointName}";
constexpr std::string_view component = "{arn}:inference-component/{lower:InferenceComponentName}";
constexpr std::string_view transform_job = "{arn}:transform-job/{lower:TransformJobName}";
constexpr With passed{"iam:PassedToService", "sagemaker.amazonaws.com"};

constexpr With tagged_by(std::string_view operation) {
  return {"sagemaker:TaggingAction", operation};
}

constexpr Need needs[] = {
    {"CreateModel", "sagemaker:CreateModel", model},
    Need{"CreateModel", "sagemaker:AddTags", model}.where("Tags").adding(tagged_by("CreateModel")),
    Need{"CreateModel", "iam:PassRole", "{ExecutionRoleArn}"}
        .where("ExecutionRoleArn")
        .adding(passed),
    {"DeleteModel", "sagemaker:DeleteModel", model},
    {"DescribeModel", "sagemaker:DescribeModel", model},
    Need{"ListModels", "sagemaker:ListModels"}.shown_as("{arn}:model/*"),

    {"CreateEndpointConfig", "sagemaker:CreateEndpointConfig", config},
    Need{"CreateEndpointConfig", "sagemaker:AddTags", config}.where("Tags").adding(
        tagged_by("CreateEndpointConfig")),
    Need{"CreateEndpointConfig", "iam:PassRole", "{ExecutionRoleArn}"}
        .where("ExecutionRoleArn")
        .adding(passed),
    {"DeleteEndpointConfig", "sagemaker:DeleteEndpointConfig", config},
    {"DescribeEndpointConfig", "sagemaker:DescribeEndpointConfig", config},
    Need{"ListEndpointConfigs", "sagemaker:ListEndpointConfigs"}.shown_as(
        "{arn}:endpoint-config/*"),

    {"CreateEndpoint", "sagemaker:CreateEndpoint", endpoint},
    {"CreateEndpoint", "sagemaker:CreateEndpoint", config},
    Need{"CreateEndpoint", "sagemaker:AddTags", endpoint}.where("Tags").adding(
        tagged_by("CreateEndpoint")),
    {"DeleteEndpoint", "sagemaker:DeleteEndpoint", endpoint},
    {"DescribeEndpoint", "sagemaker:DescribeEndpoint", endpoint},
    Need{"ListEndpoints", "sagemaker:ListEndpoints"}.shown_as("{arn}:endpoint/*"),
    {"UpdateEndpoint", "sagemaker:UpdateEndpoint", endpoint},
    {"UpdateEndpoint", "sagemaker:UpdateEndpoint", config},
    {"UpdateEndpointWeightsAndCapacities", "sagemaker:UpdateEndpointWeightsAndCapacities",
     endpoint},

    {"CreateInferenceComponent", "sagemaker:CreateInferenceComponent", component},
    {"CreateInferenceComponent", "sagemaker:CreateInferenceComponent", endpoint},
    Need{"CreateInferenceComponent", "sagemaker:AddTags", component}.where("Tags").adding(
        tagged_by("CreateInferenceComponent")),
    {"DeleteInferenceComponent", "sagemaker:DeleteInferenceComponent", component},
    {"DescribeInferenceComponent", "sagemaker:DescribeInferenceComponent", component},
    Need{"ListInferenceComponents", "sagemaker:ListInferenceComponents"}.shown_as(
        "{arn}:inference-component/*"),
    {"UpdateInferenceComponent", "sagemaker:UpdateInferenceComponent", component},
    {"UpdateInferenceComponentRuntimeConfig", "sagemaker:UpdateInferenceComponentRuntimeConfig",
     component},

    {"CreateTransformJob", "sagemaker:CreateTransformJob", transform_job},
    Need{"CreateTransformJob", "sagemaker:AddTags", transform_job}.where("Tags").adding(
        tagged_by("CreateTransformJob")),
    {"DescribeTransformJob", "sagemaker:DescribeTransformJob", transform_job},
    Need{"ListTransformJobs", "sagemaker:ListTransformJobs"}.shown_as("{arn}:transform-job/*"),
    {"StopTransformJob", "sagemaker:StopTransformJob", transform_job},

    {"AddTags", "sagemaker:AddTags", "{lower:ResourceArn}"},
    {"DeleteTags", "sagemaker:DeleteTags", "{lower:ResourceArn}"},
    {"ListTags", "sagemaker:ListTags", "{lower:ResourceArn}"},
};

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "Tags"},
    {"aws:TagKeys", "Tags", Arity::many},
    {"aws:TagKeys", "TagKeys", Arity::many},
    {"sagemaker:InstanceTypes", "ProductionVariants.InstanceType", Arity::many},
    {"sagemaker:InstanceTypes", "ShadowProductionVariants.InstanceType", Arity::many},
    {"sagemaker:InstanceTypes", "TransformResources.InstanceType", Arity::many},
    {"sagemaker:AcceleratorTypes", "ProductionVariants.AcceleratorType", Arity::many},
    {"sagemaker:ServerlessMaxConcurrency", "ProductionVariants.ServerlessConfig.MaxConcurrency"},
    {"sagemaker:ServerlessMemorySize", "ProductionVariants.ServerlessConfig.MemorySizeInMB"},
    {"sagemaker:NetworkIsolation", "EnableNetworkIsolation"},
    {"sagemaker:VpcSubnets", "VpcConfig.Subnets", Arity::many},
    {"sagemaker:VpcSecurityGroupIds", "VpcConfig.SecurityGroupIds", Arity::many},
    {"sagemaker:VolumeKmsKey", "KmsKeyId"},
    {"sagemaker:VolumeKmsKey", "TransformResources.VolumeKmsKeyId"},
    {"sagemaker:OutputKmsKey", "TransformOutput.KmsKeyId"},
};

// The models that a request names, by their ARN.
void add_models(const Question& question, Context& out) {
  std::vector<std::string> arns;
  for (const std::string_view path :
       {"ProductionVariants.ModelName", "ModelName", "Specification.ModelName"})
    for (const std::string& name : question.texts(path))
      arns.push_back(arn_of(question.call(), model_kind, name));
  if (!arns.empty()) out.push_back({"sagemaker:ModelArn", std::move(arns)});
}

void add_keys(const Question& question, std::string_view arn, Context& out) {
  add_models(question, out);
  add_tag_keys(question, arn, out);
}

}  // namespace

void add_tag_keys(const Question& question, std::string_view arn, Context& out) {
  for (const auto& [key, value] :
       tags::list(question.call().tx(), service::tagged_by(to_lower(arn))))
    for (const std::string_view prefix : {"aws:ResourceTag/", "sagemaker:ResourceTag/"})
      out.push_back({std::string(prefix).append(key), {value}});
}

service::Permissions permissions() {
  return {.schema = aws::sagemaker::schema(), .needs = needs, .keys = keys, .add_keys = add_keys};
}

}  // namespace slipway::sagemaker
