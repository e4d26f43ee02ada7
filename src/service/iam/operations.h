// The operations of this door; each stands in the file of its resource. All refuse NoSuchEntity for
// what is not there, and what else is noted.
#pragma once

#include "gen/iam.h"
#include "service/call.h"

namespace slipway::iam {

namespace api = aws::iam;
using service::Call;

// role.cc
// EntityAlreadyExists, MalformedPolicyDocument (trust policy), LimitExceeded, InvalidInput (tags).
Result<api::CreateRoleResponse> create_role(Call& call, api::CreateRoleRequest in);
Result<api::GetRoleResponse> get_role(Call& call, api::GetRoleRequest in);
Result<api::ListRolesResponse> list_roles(Call& call, api::ListRolesRequest in);
Result<api::UpdateRoleResponse> update_role(Call& call, api::UpdateRoleRequest in);
Result<> update_assume_role_policy(Call& call, api::UpdateAssumeRolePolicyRequest in);
// DeleteConflict while a policy, inline or attached, is on it.
Result<> delete_role(Call& call, api::DeleteRoleRequest in);
Result<> tag_role(Call& call, api::TagRoleRequest in);
Result<> untag_role(Call& call, api::UntagRoleRequest in);
Result<api::ListRoleTagsResponse> list_role_tags(Call& call, api::ListRoleTagsRequest in);
// Always empty: instance profiles belong to machines that Slipway does not have.
Result<api::ListInstanceProfilesForRoleResponse> list_instance_profiles_for_role(
    Call& call, api::ListInstanceProfilesForRoleRequest in);

// role_policy.cc
// MalformedPolicyDocument, LimitExceeded.
Result<> put_role_policy(Call& call, api::PutRolePolicyRequest in);
Result<api::GetRolePolicyResponse> get_role_policy(Call& call, api::GetRolePolicyRequest in);
Result<api::ListRolePoliciesResponse> list_role_policies(Call& call,
                                                         api::ListRolePoliciesRequest in);
Result<> delete_role_policy(Call& call, api::DeleteRolePolicyRequest in);
Result<> attach_role_policy(Call& call, api::AttachRolePolicyRequest in);
Result<> detach_role_policy(Call& call, api::DetachRolePolicyRequest in);
Result<api::ListAttachedRolePoliciesResponse> list_attached_role_policies(
    Call& call, api::ListAttachedRolePoliciesRequest in);

// policy.cc
// EntityAlreadyExists, MalformedPolicyDocument.
Result<api::CreatePolicyResponse> create_policy(Call& call, api::CreatePolicyRequest in);
Result<api::GetPolicyResponse> get_policy(Call& call, api::GetPolicyRequest in);
Result<api::GetPolicyVersionResponse> get_policy_version(Call& call,
                                                         api::GetPolicyVersionRequest in);
Result<api::ListPoliciesResponse> list_policies(Call& call, api::ListPoliciesRequest in);
Result<api::ListPolicyVersionsResponse> list_policy_versions(Call& call,
                                                             api::ListPolicyVersionsRequest in);
// DeleteConflict while it is attached.
Result<> delete_policy(Call& call, api::DeletePolicyRequest in);

// simulate.cc
// The role's own policies, inline and attached, and those given; within its permissions boundary.
Result<api::SimulatePolicyResponse> simulate_principal_policy(
    Call& call, api::SimulatePrincipalPolicyRequest in);

}  // namespace slipway::iam
