#include "service/iam/iam.h"

#include "service/iam/known_policy.h"
#include "service/iam/managed_policies.h"
#include "service/iam/operations.h"
#include "service/iam/owner_policy.h"
#include "service/iam/resource_types.h"

namespace slipway::iam {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDenied", 403},
    {"not_found", "NoSuchEntity", 404},
    {"no_role", "NoSuchEntity", 404},
    {"no_user", "NoSuchEntity", 404},
    {"no_group", "NoSuchEntity", 404},
    {"no_access_key", "NoSuchEntity", 404},
    {"no_version", "NoSuchEntity", 404},
    {"no_policy", "NoSuchEntity", 404},
    {"no_inline_policy", "NoSuchEntity", 404},
    {"no_attachment", "NoSuchEntity", 404},
    {"no_profile", "NoSuchEntity", 404},
    {"no_provider", "NoSuchEntity", 404},
    {"NoSuchEntity", "NoSuchEntity", 404},
    {"already_exists", "EntityAlreadyExists", 409},
    {"in_use", "DeleteConflict", 409},
    {"has_policies", "DeleteConflict", 409},
    {"has_attachments", "DeleteConflict", 409},
    {"has_access_keys", "DeleteConflict", 409},
    {"has_groups", "DeleteConflict", 409},
    {"has_members", "DeleteConflict", 409},
    {"has_versions", "DeleteConflict", 409},
    {"has_roles", "DeleteConflict", 409},
    {"is_attached", "DeleteConflict", 409},
    {"limit_exceeded", "LimitExceeded", 409},
    {"malformed_policy", "MalformedPolicyDocument", 400},
    {"MalformedPolicyDocument", "MalformedPolicyDocument", 400},
    {"no_password", "NoSuchEntity", 404},
    {"no_password_rules", "NoSuchEntity", 404},
    {"no_upload", "NoSuchEntity", 404},
    {"no_server_certificate", "NoSuchEntity", 404},
    {"no_mfa_device", "NoSuchEntity", 404},
    {"wrong_code", "InvalidAuthenticationCode", 403},
    {"ReportNotPresent", "ReportNotPresent", 410},
    {"ReportExpired", "ReportExpired", 410},
    {"duplicate_ssh_key", "DuplicateSSHPublicKey", 400},
    {"duplicate_certificate", "DuplicateCertificate", 409},
    {"bad_public_key", "InvalidPublicKey", 400},
    {"unknown_key_form", "UnrecognizedPublicKeyEncoding", 400},
    {"malformed_certificate", "MalformedCertificate", 400},
    {"MalformedCertificate", "MalformedCertificate", 400},
    {"InvalidCertificate", "InvalidCertificate", 400},
    {"key_pair_mismatch", "KeyPairMismatch", 400},
    {"weak_password", "PasswordPolicyViolation", 400},
    {"InvalidUserType", "InvalidUserType", 400},
    {"EntityTemporarilyUnmodifiable", "EntityTemporarilyUnmodifiable", 409},
    {"AccessDenied", "AccessDenied", 403},
    {"InvalidInput", "InvalidInput", 400},
    {"too_many_thumbprints", "InvalidInput", 400},
    {"UnmodifiableEntity", "UnmodifiableEntity", 400},
    {"ValidationError", "ValidationError", 400},
};

// A handler that changes something, and the directory hears of it.
class Changes {
 public:
  explicit Changes(identity::Directory& directory) : directory_(directory) {}

  template <typename Answer, typename Input>
  auto operator()(Answer (*handler)(Call&, Input)) const {
    return [&directory = directory_, handler](Call& call, Input in) {
      Answer answer = handler(call, std::move(in));
      if (answer) directory.follow(call.tx());
      return answer;
    };
  }

  const identity::Directory& directory() const { return directory_; }

 private:
  identity::Directory& directory_;
};

using Service = service::Registry::Service;
namespace op = api::op;

void add_roles(Service& service, const Changes& change) {
  service.add<op::CreateRole>(change(create_role))
      .add<op::GetRole>(get_role)
      .add<op::ListRoles>(list_roles)
      .add<op::UpdateRole>(change(update_role))
      .add<op::UpdateAssumeRolePolicy>(change(update_assume_role_policy))
      .add<op::UpdateRoleDescription>(change(update_role_description))
      .add<op::DeleteRole>(change(delete_role))
      .add<op::CreateServiceLinkedRole>(change(create_service_linked_role))
      .add<op::DeleteServiceLinkedRole>(change(delete_service_linked_role))
      .add<op::GetServiceLinkedRoleDeletionStatus>(get_service_linked_role_deletion_status);
  service.add<op::PutRolePolicy>(change(put_owner_policy<op::PutRolePolicy::Input>))
      .add<op::GetRolePolicy>(get_owner_policy<op::GetRolePolicy::Output, op::GetRolePolicy::Input>)
      .add<op::ListRolePolicies>(
          list_owner_policies<op::ListRolePolicies::Output, op::ListRolePolicies::Input>)
      .add<op::DeleteRolePolicy>(change(delete_owner_policy<op::DeleteRolePolicy::Input>))
      .add<op::AttachRolePolicy>(change(attach_owner_policy<op::AttachRolePolicy::Input>))
      .add<op::DetachRolePolicy>(change(detach_owner_policy<op::DetachRolePolicy::Input>))
      .add<op::ListAttachedRolePolicies>(
          list_attached_owner_policies<op::ListAttachedRolePolicies::Output,
                                       op::ListAttachedRolePolicies::Input>);
  service.add<op::TagRole>(change(tag_owner<op::TagRole::Input>))
      .add<op::UntagRole>(change(untag_owner<op::UntagRole::Input>))
      .add<op::ListRoleTags>(list_owner_tags<op::ListRoleTags::Output, op::ListRoleTags::Input>)
      .add<op::PutRolePermissionsBoundary>(
          change(put_owner_boundary<op::PutRolePermissionsBoundary::Input>))
      .add<op::DeleteRolePermissionsBoundary>(
          change(delete_owner_boundary<op::DeleteRolePermissionsBoundary::Input>));
}

void add_users(Service& service, const Changes& change) {
  service.add<op::CreateUser>(change(create_user))
      .add<op::GetUser>(get_user)
      .add<op::ListUsers>(list_users)
      .add<op::UpdateUser>(change(update_user))
      .add<op::DeleteUser>(change(delete_user))
      .add<op::CreateAccessKey>(change(create_access_key))
      .add<op::ListAccessKeys>(list_access_keys)
      .add<op::UpdateAccessKey>(change(update_access_key))
      .add<op::DeleteAccessKey>(change(delete_access_key));
  service.add<op::PutUserPolicy>(change(put_owner_policy<op::PutUserPolicy::Input>))
      .add<op::GetUserPolicy>(get_owner_policy<op::GetUserPolicy::Output, op::GetUserPolicy::Input>)
      .add<op::ListUserPolicies>(
          list_owner_policies<op::ListUserPolicies::Output, op::ListUserPolicies::Input>)
      .add<op::DeleteUserPolicy>(change(delete_owner_policy<op::DeleteUserPolicy::Input>))
      .add<op::AttachUserPolicy>(change(attach_owner_policy<op::AttachUserPolicy::Input>))
      .add<op::DetachUserPolicy>(change(detach_owner_policy<op::DetachUserPolicy::Input>))
      .add<op::ListAttachedUserPolicies>(
          list_attached_owner_policies<op::ListAttachedUserPolicies::Output,
                                       op::ListAttachedUserPolicies::Input>);
  service.add<op::TagUser>(change(tag_owner<op::TagUser::Input>))
      .add<op::UntagUser>(change(untag_owner<op::UntagUser::Input>))
      .add<op::ListUserTags>(list_owner_tags<op::ListUserTags::Output, op::ListUserTags::Input>)
      .add<op::PutUserPermissionsBoundary>(
          change(put_owner_boundary<op::PutUserPermissionsBoundary::Input>))
      .add<op::DeleteUserPermissionsBoundary>(
          change(delete_owner_boundary<op::DeleteUserPermissionsBoundary::Input>));
}

void add_groups(Service& service, const Changes& change) {
  service.add<op::CreateGroup>(change(create_group))
      .add<op::GetGroup>(get_group)
      .add<op::ListGroups>(list_groups)
      .add<op::UpdateGroup>(change(update_group))
      .add<op::DeleteGroup>(change(delete_group))
      .add<op::AddUserToGroup>(change(add_user_to_group))
      .add<op::RemoveUserFromGroup>(change(remove_user_from_group))
      .add<op::ListGroupsForUser>(list_groups_for_user);
  service.add<op::PutGroupPolicy>(change(put_owner_policy<op::PutGroupPolicy::Input>))
      .add<op::GetGroupPolicy>(
          get_owner_policy<op::GetGroupPolicy::Output, op::GetGroupPolicy::Input>)
      .add<op::ListGroupPolicies>(
          list_owner_policies<op::ListGroupPolicies::Output, op::ListGroupPolicies::Input>)
      .add<op::DeleteGroupPolicy>(change(delete_owner_policy<op::DeleteGroupPolicy::Input>))
      .add<op::AttachGroupPolicy>(change(attach_owner_policy<op::AttachGroupPolicy::Input>))
      .add<op::DetachGroupPolicy>(change(detach_owner_policy<op::DetachGroupPolicy::Input>))
      .add<op::ListAttachedGroupPolicies>(
          list_attached_owner_policies<op::ListAttachedGroupPolicies::Output,
                                       op::ListAttachedGroupPolicies::Input>);
}

void add_policies(Service& service, const Changes& change) {
  service.add<op::CreatePolicy>(change(create_policy))
      .add<op::GetPolicy>(get_policy)
      .add<op::ListPolicies>(list_policies)
      .add<op::DeletePolicy>(change(delete_policy))
      .add<op::TagPolicy>(change(tag_policy))
      .add<op::UntagPolicy>(change(untag_policy))
      .add<op::ListPolicyTags>(list_policy_tags)
      .add<op::CreatePolicyVersion>(change(create_policy_version))
      .add<op::GetPolicyVersion>(get_policy_version)
      .add<op::ListPolicyVersions>(list_policy_versions)
      .add<op::SetDefaultPolicyVersion>(change(set_default_policy_version))
      .add<op::DeletePolicyVersion>(change(delete_policy_version))
      .add<op::ListEntitiesForPolicy>(list_entities_for_policy)
      .add<op::GetAccountSummary>(get_account_summary)
      .add<op::SimulatePrincipalPolicy>(
          [&directory = change.directory()](Call& call, op::SimulatePrincipalPolicy::Input in) {
            return simulate_principal_policy(call, in, directory);
          })
      .add<op::SimulateCustomPolicy>(simulate_custom_policy)
      .add<op::GetContextKeysForPrincipalPolicy>(
          [&directory = change.directory()](Call& call,
                                            op::GetContextKeysForPrincipalPolicy::Input in) {
            return get_context_keys_for_principal_policy(call, in, directory);
          })
      .add<op::GetContextKeysForCustomPolicy>(get_context_keys_for_custom_policy);
}

void add_credentials(Service& service, store::Store& store) {
  const auto with_store = [&store]<typename Answer, typename Input>(
                              Answer (*handler)(Call&, Input, store::Store&)) {
    return [&store, handler](Call& call, Input in) { return handler(call, std::move(in), store); };
  };
  service.add<op::UpdateAccountPasswordPolicy>(update_account_password_policy)
      .add<op::GetAccountPasswordPolicy>(get_account_password_policy)
      .add<op::DeleteAccountPasswordPolicy>(delete_account_password_policy)
      .add<op::CreateLoginProfile>(with_store(create_login_profile))
      .add<op::GetLoginProfile>(get_login_profile)
      .add<op::UpdateLoginProfile>(with_store(update_login_profile))
      .add<op::DeleteLoginProfile>(delete_login_profile)
      .add<op::ChangePassword>(with_store(change_password))
      .add<op::GenerateCredentialReport>(with_store(generate_credential_report))
      .add<op::GetCredentialReport>(get_credential_report)
      .add<op::GetAccessKeyLastUsed>(get_access_key_last_used);
  service.add<op::CreateVirtualMFADevice>(create_virtual_mfa_device)
      .add<op::DeleteVirtualMFADevice>(delete_virtual_mfa_device)
      .add<op::ListVirtualMFADevices>(list_virtual_mfa_devices)
      .add<op::ListMFADevices>(list_mfa_devices)
      .add<op::GetMFADevice>(get_mfa_device)
      .add<op::EnableMFADevice>(enable_mfa_device)
      .add<op::ResyncMFADevice>(resync_mfa_device)
      .add<op::DeactivateMFADevice>(deactivate_mfa_device)
      .add<op::TagMFADevice>(tag_mfa_device)
      .add<op::UntagMFADevice>(untag_mfa_device)
      .add<op::ListMFADeviceTags>(list_mfa_device_tags);
}

void add_uploads(Service& service) {
  service.add<op::UploadSSHPublicKey>(upload_ssh_public_key)
      .add<op::GetSSHPublicKey>(get_ssh_public_key)
      .add<op::ListSSHPublicKeys>(list_ssh_public_keys)
      .add<op::UpdateSSHPublicKey>(update_ssh_public_key)
      .add<op::DeleteSSHPublicKey>(delete_ssh_public_key)
      .add<op::UploadSigningCertificate>(upload_signing_certificate)
      .add<op::ListSigningCertificates>(list_signing_certificates)
      .add<op::UpdateSigningCertificate>(update_signing_certificate)
      .add<op::DeleteSigningCertificate>(delete_signing_certificate);
  service.add<op::CreateServiceSpecificCredential>(create_service_specific_credential)
      .add<op::ListServiceSpecificCredentials>(list_service_specific_credentials)
      .add<op::UpdateServiceSpecificCredential>(update_service_specific_credential)
      .add<op::ResetServiceSpecificCredential>(reset_service_specific_credential)
      .add<op::DeleteServiceSpecificCredential>(delete_service_specific_credential);
  service.add<op::UploadServerCertificate>(upload_server_certificate)
      .prepare<op::UploadServerCertificate>(prepare_upload_server_certificate)
      .add<op::GetServerCertificate>(get_server_certificate)
      .add<op::ListServerCertificates>(list_server_certificates)
      .add<op::UpdateServerCertificate>(update_server_certificate)
      .add<op::DeleteServerCertificate>(delete_server_certificate)
      .add<op::TagServerCertificate>(tag_owner<op::TagServerCertificate::Input>)
      .add<op::UntagServerCertificate>(untag_owner<op::UntagServerCertificate::Input>)
      .add<op::ListServerCertificateTags>(list_owner_tags<op::ListServerCertificateTags::Output,
                                                          op::ListServerCertificateTags::Input>);
  service.add<op::CreateSAMLProvider>(create_saml_provider)
      .prepare<op::CreateSAMLProvider>(prepare_create_saml_provider)
      .add<op::GetSAMLProvider>(get_saml_provider)
      .add<op::ListSAMLProviders>(list_saml_providers)
      .add<op::UpdateSAMLProvider>(update_saml_provider)
      .prepare<op::UpdateSAMLProvider>(prepare_update_saml_provider)
      .add<op::DeleteSAMLProvider>(delete_saml_provider)
      .add<op::TagSAMLProvider>(tag_saml_provider)
      .add<op::UntagSAMLProvider>(untag_saml_provider)
      .add<op::ListSAMLProviderTags>(list_saml_provider_tags);
}

// What decides about no request: the directory knows nothing of it.
void add_kept(Service& service) {
  service.add<op::CreateInstanceProfile>(create_instance_profile)
      .add<op::GetInstanceProfile>(get_instance_profile)
      .add<op::ListInstanceProfiles>(list_instance_profiles)
      .add<op::ListInstanceProfilesForRole>(list_instance_profiles_for_role)
      .add<op::DeleteInstanceProfile>(delete_instance_profile)
      .add<op::AddRoleToInstanceProfile>(add_role_to_instance_profile)
      .add<op::RemoveRoleFromInstanceProfile>(remove_role_from_instance_profile)
      .add<op::TagInstanceProfile>(tag_owner<op::TagInstanceProfile::Input>)
      .add<op::UntagInstanceProfile>(untag_owner<op::UntagInstanceProfile::Input>)
      .add<op::ListInstanceProfileTags>(
          list_owner_tags<op::ListInstanceProfileTags::Output, op::ListInstanceProfileTags::Input>);
  service.add<op::CreateOpenIDConnectProvider>(create_provider)
      .add<op::GetOpenIDConnectProvider>(get_provider)
      .add<op::ListOpenIDConnectProviders>(list_providers)
      .add<op::DeleteOpenIDConnectProvider>(delete_provider)
      .add<op::AddClientIDToOpenIDConnectProvider>(add_client_to_provider)
      .add<op::RemoveClientIDFromOpenIDConnectProvider>(remove_client_from_provider)
      .add<op::UpdateOpenIDConnectProviderThumbprint>(update_provider_thumbprints)
      .add<op::TagOpenIDConnectProvider>(tag_provider)
      .add<op::UntagOpenIDConnectProvider>(untag_provider)
      .add<op::ListOpenIDConnectProviderTags>(list_provider_tags);
  service.add<op::CreateAccountAlias>(create_account_alias)
      .add<op::DeleteAccountAlias>(delete_account_alias)
      .add<op::ListAccountAliases>(list_account_aliases)
      .add<op::GetAccountAuthorizationDetails>(get_account_authorization_details);
}

}  // namespace

std::vector<identity::ProvidedPolicy> provided_policies() {
  std::vector<identity::ProvidedPolicy> provided;
  for (const ManagedPolicy& policy : managed_policies())
    provided.push_back({provider_arn(policy), policy.document});
  return provided;
}

void install(service::Registry& registry, identity::Directory& directory, store::Store& store) {
  Service service = registry.begin(api::schema(), errors);
  service.add_types(resource_types());
  const Changes change(directory);
  add_roles(service, change);
  add_users(service, change);
  add_groups(service, change);
  add_policies(service, change);
  add_kept(service);
  add_credentials(service, store);
  add_uploads(service);
}

}  // namespace slipway::iam
