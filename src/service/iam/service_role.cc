// Roles that belong to a service of AWS. They are made and shown as such, and protected from
// everyone; no service here assumes one.
#include <fmt/format.h>

#include <algorithm>

#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/role.h"

namespace slipway::iam {
namespace {

using identity::Role;
using service::refuse;

constexpr std::string_view domain = ".amazonaws.com";
constexpr std::string_view role_prefix = "AWSServiceRoleFor";
constexpr std::string_view task_prefix = "task";
constexpr std::size_t role_name_bytes_max = 64;

// How AWS calls a service in the name of its role, where that is not its own name with a capital.
struct Called {
  std::string_view service;
  std::string_view name;
};
constexpr Called called[] = {
    {"autoscaling", "AutoScaling"},
    {"elasticloadbalancing", "ElasticLoadBalancing"},
    {"elasticbeanstalk", "ElasticBeanstalk"},
    {"ecs", "ECS"},
    {"eks", "AmazonEKS"},
    {"rds", "RDS"},
    {"es", "AmazonElasticsearchService"},
    {"opensearchservice", "AmazonOpenSearchService"},
    {"elasticache", "ElastiCache"},
    {"spot", "EC2Spot"},
    {"spotfleet", "EC2SpotFleet"},
    {"replicator.lambda", "LambdaReplicator"},
    {"sagemaker.application-autoscaling", "ApplicationAutoScaling_SageMakerEndpoint"},
    {"ecs.application-autoscaling", "ApplicationAutoScaling_ECSService"},
    {"dynamodb.application-autoscaling", "ApplicationAutoScaling_DynamoDBTable"},
    {"lambda.application-autoscaling", "ApplicationAutoScaling_LambdaConcurrency"},
    {"custom-resource.application-autoscaling", "ApplicationAutoScaling_CustomResource"},
    {"ops.apigateway", "APIGateway"},
    {"organizations", "Organizations"},
    {"guardduty", "AmazonGuardDuty"},
    {"batch", "Batch"},
};

// Those whose roles may have a suffix.
constexpr std::string_view suffixed[] = {"autoscaling", "connect", "lexv2", "iot"};

std::string name_of_service(std::string_view service) {
  const auto found = std::ranges::find(called, service, &Called::service);
  if (found != std::end(called)) return std::string(found->name);
  std::string out;
  bool begins = true;
  for (const char c : service) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter) out += begins && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    begins = !letter;
  }
  return out;
}

Result<std::string> role_name(const api::CreateServiceLinkedRoleRequest& in) {
  std::string_view service = in.AWSServiceName();
  const bool is_of_aws = service.ends_with(domain);
  if (is_of_aws) service.remove_suffix(domain.size());
  const std::string own_name = name_of_service(service);
  if (!is_of_aws || own_name.empty())
    return refuse("InvalidInput",
                  fmt::format("Service name {} is not valid.", in.AWSServiceName()));
  std::string name = fmt::format("{}{}", role_prefix, own_name);
  if (const auto suffix = in.CustomSuffix()) {
    if (std::ranges::find(suffixed, service) == std::end(suffixed))
      return refuse("InvalidInput",
                    fmt::format("Custom suffix is not allowed for {}", in.AWSServiceName()));
    name += fmt::format("_{}", *suffix);
  }
  if (name.size() <= role_name_bytes_max) return name;
  return refuse("InvalidInput", fmt::format("The role name {} is too long.", name));
}

std::string trust_policy(std::string_view service) {
  return fmt::format(R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":)"
                     R"({{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}})",
                     service);
}

}  // namespace

Result<api::CreateServiceLinkedRoleResponse> create_service_linked_role(
    Call& call, api::CreateServiceLinkedRoleRequest in) {
  TRY(const std::string name, role_name(in));
  const Role role{.account = call.account(),
                  .name = name,
                  .path = fmt::format("{}{}/", service_role_path, in.AWSServiceName()),
                  .id = make_entity_id(call, "AROA"),
                  .description = std::string(in.Description().value_or("")),
                  .trust_policy = trust_policy(in.AWSServiceName()),
                  .created = this_second(call)};
  if (identity::find_role(call.tx(), call.account(), name))
    return refuse("InvalidInput",
                  fmt::format("Service role name {} has been taken in this account, please try a "
                              "different suffix.",
                              name));
  TRY_DO(identity::create_role(call.tx(), role, {}));
  auto out = call.output<api::CreateServiceLinkedRoleResponse>();
  fill(call, role, out.make_Role());
  if (!role.description.empty()) out.make_Role().Description(role.description);
  return out;
}

// No service here uses a role, so that nothing is in the way and the task is done at once.
Result<api::DeleteServiceLinkedRoleResponse> delete_service_linked_role(
    Call& call, api::DeleteServiceLinkedRoleRequest in) {
  TRY(const Role role, identity::find_role(call.tx(), call.account(), in.RoleName()));
  if (!is_service_role(role))
    return refuse("InvalidInput", fmt::format("The role {} is no service-linked role.", role.name));
  TRY_DO(identity::delete_role(call.tx(), call.account(), role.name));
  return call.output<api::DeleteServiceLinkedRoleResponse>().DeletionTaskId(
      fmt::format("{}{}{}/{}", task_prefix, role.path, role.name, make_uuid(call.random())));
}

// A task that was given out was done when it was.
Result<api::GetServiceLinkedRoleDeletionStatusResponse> get_service_linked_role_deletion_status(
    Call& call, api::GetServiceLinkedRoleDeletionStatusRequest in) {
  const std::string head = fmt::format("{}{}", task_prefix, service_role_path);
  if (!in.DeletionTaskId().starts_with(head) || std::ranges::count(in.DeletionTaskId(), '/') != 4)
    return refuse("NoSuchEntity",
                  fmt::format("The deletion task {} cannot be found.", in.DeletionTaskId()));
  return call.output<api::GetServiceLinkedRoleDeletionStatusResponse>().Status("SUCCEEDED");
}

}  // namespace slipway::iam
