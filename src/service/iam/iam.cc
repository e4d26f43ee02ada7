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
  registry.begin(api::schema(), errors)
      .add<api::CreateRoleRequest>("CreateRole", create_role)
      .add<api::GetRoleRequest>("GetRole", get_role)
      .add<api::ListRolesRequest>("ListRoles", list_roles)
      .add<api::UpdateRoleRequest>("UpdateRole", update_role)
      .add<api::UpdateAssumeRolePolicyRequest>("UpdateAssumeRolePolicy", update_assume_role_policy)
      .add<api::DeleteRoleRequest>("DeleteRole", delete_role)
      .add<api::TagRoleRequest>("TagRole", tag_role)
      .add<api::UntagRoleRequest>("UntagRole", untag_role)
      .add<api::ListRoleTagsRequest>("ListRoleTags", list_role_tags)
      .add<api::ListInstanceProfilesForRoleRequest>("ListInstanceProfilesForRole",
                                                    list_instance_profiles_for_role)
      .add<api::PutRolePolicyRequest>("PutRolePolicy", put_role_policy)
      .add<api::GetRolePolicyRequest>("GetRolePolicy", get_role_policy)
      .add<api::ListRolePoliciesRequest>("ListRolePolicies", list_role_policies)
      .add<api::DeleteRolePolicyRequest>("DeleteRolePolicy", delete_role_policy)
      .add<api::AttachRolePolicyRequest>("AttachRolePolicy", attach_role_policy)
      .add<api::DetachRolePolicyRequest>("DetachRolePolicy", detach_role_policy)
      .add<api::ListAttachedRolePoliciesRequest>("ListAttachedRolePolicies",
                                                 list_attached_role_policies)
      .add<api::CreatePolicyRequest>("CreatePolicy", create_policy)
      .add<api::GetPolicyRequest>("GetPolicy", get_policy)
      .add<api::GetPolicyVersionRequest>("GetPolicyVersion", get_policy_version)
      .add<api::ListPoliciesRequest>("ListPolicies", list_policies)
      .add<api::ListPolicyVersionsRequest>("ListPolicyVersions", list_policy_versions)
      .add<api::DeletePolicyRequest>("DeletePolicy", delete_policy)
      .add<api::SimulatePrincipalPolicyRequest>("SimulatePrincipalPolicy",
                                                simulate_principal_policy);
}

}  // namespace slipway::iam
