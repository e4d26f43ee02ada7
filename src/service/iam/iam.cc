#include "service/iam/iam.h"

#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_found", "NoSuchEntity", 404},
    {"no_role", "NoSuchEntity", 404},
    {"no_policy", "NoSuchEntity", 404},
    {"no_inline_policy", "NoSuchEntity", 404},
    {"no_attachment", "NoSuchEntity", 404},
    {"NoSuchEntity", "NoSuchEntity", 404},
    {"already_exists", "EntityAlreadyExists", 409},
    {"in_use", "DeleteConflict", 409},
    {"has_policies", "DeleteConflict", 409},
    {"has_attachments", "DeleteConflict", 409},
    {"is_attached", "DeleteConflict", 409},
    {"limit_exceeded", "LimitExceeded", 409},
    {"malformed_policy", "MalformedPolicyDocument", 400},
    {"AccessDenied", "AccessDenied", 403},
    {"InvalidInput", "InvalidInput", 400},
    {"ValidationError", "ValidationError", 400},
};

}  // namespace

void install(service::Registry& registry) {
  namespace op = api::op;
  registry.begin(api::schema(), errors)
      .add<op::CreateRole>(create_role)
      .add<op::GetRole>(get_role)
      .add<op::ListRoles>(list_roles)
      .add<op::UpdateRole>(update_role)
      .add<op::UpdateAssumeRolePolicy>(update_assume_role_policy)
      .add<op::DeleteRole>(delete_role)
      .add<op::TagRole>(tag_role)
      .add<op::UntagRole>(untag_role)
      .add<op::ListRoleTags>(list_role_tags)
      .add<op::ListInstanceProfilesForRole>(list_instance_profiles_for_role)
      .add<op::PutRolePolicy>(put_role_policy)
      .add<op::GetRolePolicy>(get_role_policy)
      .add<op::ListRolePolicies>(list_role_policies)
      .add<op::DeleteRolePolicy>(delete_role_policy)
      .add<op::AttachRolePolicy>(attach_role_policy)
      .add<op::DetachRolePolicy>(detach_role_policy)
      .add<op::ListAttachedRolePolicies>(list_attached_role_policies)
      .add<op::CreatePolicy>(create_policy)
      .add<op::GetPolicy>(get_policy)
      .add<op::GetPolicyVersion>(get_policy_version)
      .add<op::ListPolicies>(list_policies)
      .add<op::ListPolicyVersions>(list_policy_versions)
      .add<op::DeletePolicy>(delete_policy)
      .add<op::SimulatePrincipalPolicy>(simulate_principal_policy);
}

}  // namespace slipway::iam
