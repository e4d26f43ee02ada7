// The operations of this door; each stands in the file of its resource. All refuse NoSuchEntity for
// what is not there, and what else is noted.
#pragma once

#include <any>

#include "engine/identity/directory.h"
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
Result<api::UpdateRoleDescriptionResponse> update_role_description(
    Call& call, api::UpdateRoleDescriptionRequest in);

// service_role.cc
// InvalidInput where the service has its role already, or is none of AWS's.
Result<api::CreateServiceLinkedRoleResponse> create_service_linked_role(
    Call& call, api::CreateServiceLinkedRoleRequest in);
Result<api::DeleteServiceLinkedRoleResponse> delete_service_linked_role(
    Call& call, api::DeleteServiceLinkedRoleRequest in);
Result<api::GetServiceLinkedRoleDeletionStatusResponse> get_service_linked_role_deletion_status(
    Call& call, api::GetServiceLinkedRoleDeletionStatusRequest in);

// instance_profile.cc
// EntityAlreadyExists, LimitExceeded, InvalidInput (tags).
Result<api::CreateInstanceProfileResponse> create_instance_profile(
    Call& call, api::CreateInstanceProfileRequest in);
Result<api::GetInstanceProfileResponse> get_instance_profile(Call& call,
                                                             api::GetInstanceProfileRequest in);
Result<api::ListInstanceProfilesResponse> list_instance_profiles(
    Call& call, api::ListInstanceProfilesRequest in);
Result<api::ListInstanceProfilesForRoleResponse> list_instance_profiles_for_role(
    Call& call, api::ListInstanceProfilesForRoleRequest in);
// DeleteConflict while it has a role.
Result<> delete_instance_profile(Call& call, api::DeleteInstanceProfileRequest in);
// LimitExceeded: a profile has one role.
Result<> add_role_to_instance_profile(Call& call, api::AddRoleToInstanceProfileRequest in);
Result<> remove_role_from_instance_profile(Call& call,
                                           api::RemoveRoleFromInstanceProfileRequest in);

// provider.cc
// EntityAlreadyExists, LimitExceeded, InvalidInput (thumbprints, tags), ValidationError (URL).
Result<api::CreateOpenIDConnectProviderResponse> create_provider(
    Call& call, api::CreateOpenIDConnectProviderRequest in);
Result<api::GetOpenIDConnectProviderResponse> get_provider(Call& call,
                                                           api::GetOpenIDConnectProviderRequest in);
Result<api::ListOpenIDConnectProvidersResponse> list_providers(
    Call& call, api::ListOpenIDConnectProvidersRequest in);
Result<> delete_provider(Call& call, api::DeleteOpenIDConnectProviderRequest in);
Result<> add_client_to_provider(Call& call, api::AddClientIDToOpenIDConnectProviderRequest in);
Result<> remove_client_from_provider(Call& call,
                                     api::RemoveClientIDFromOpenIDConnectProviderRequest in);
Result<> update_provider_thumbprints(Call& call,
                                     api::UpdateOpenIDConnectProviderThumbprintRequest in);
Result<> tag_provider(Call& call, api::TagOpenIDConnectProviderRequest in);
Result<> untag_provider(Call& call, api::UntagOpenIDConnectProviderRequest in);
Result<api::ListOpenIDConnectProviderTagsResponse> list_provider_tags(
    Call& call, api::ListOpenIDConnectProviderTagsRequest in);

// account.cc
Result<api::GetAccountAuthorizationDetailsResponse> get_account_authorization_details(
    Call& call, api::GetAccountAuthorizationDetailsRequest in);
// EntityAlreadyExists where another account has it.
Result<> create_account_alias(Call& call, api::CreateAccountAliasRequest in);
Result<> delete_account_alias(Call& call, api::DeleteAccountAliasRequest in);
Result<api::ListAccountAliasesResponse> list_account_aliases(Call& call,
                                                             api::ListAccountAliasesRequest in);

// The policies, boundaries and tags of roles, users and groups: owner_policy.h.

// user.cc
// EntityAlreadyExists, LimitExceeded, InvalidInput (tags).
Result<api::CreateUserResponse> create_user(Call& call, api::CreateUserRequest in);
Result<api::GetUserResponse> get_user(Call& call, api::GetUserRequest in);
Result<api::ListUsersResponse> list_users(Call& call, api::ListUsersRequest in);
// EntityAlreadyExists.
Result<> update_user(Call& call, api::UpdateUserRequest in);
// DeleteConflict while policies, keys or groups are the user's.
Result<> delete_user(Call& call, api::DeleteUserRequest in);
// ValidationError where no user is named and the caller is none; LimitExceeded.
Result<api::CreateAccessKeyResponse> create_access_key(Call& call, api::CreateAccessKeyRequest in);
Result<api::ListAccessKeysResponse> list_access_keys(Call& call, api::ListAccessKeysRequest in);
Result<> update_access_key(Call& call, api::UpdateAccessKeyRequest in);
Result<> delete_access_key(Call& call, api::DeleteAccessKeyRequest in);
Result<api::GetAccessKeyLastUsedResponse> get_access_key_last_used(
    Call& call, api::GetAccessKeyLastUsedRequest in);

// group.cc
Result<api::CreateGroupResponse> create_group(Call& call, api::CreateGroupRequest in);
Result<api::GetGroupResponse> get_group(Call& call, api::GetGroupRequest in);
Result<api::ListGroupsResponse> list_groups(Call& call, api::ListGroupsRequest in);
// EntityAlreadyExists.
Result<> update_group(Call& call, api::UpdateGroupRequest in);
// DeleteConflict while it has policies or members.
Result<> delete_group(Call& call, api::DeleteGroupRequest in);
Result<> add_user_to_group(Call& call, api::AddUserToGroupRequest in);
Result<> remove_user_from_group(Call& call, api::RemoveUserFromGroupRequest in);
Result<api::ListGroupsForUserResponse> list_groups_for_user(Call& call,
                                                            api::ListGroupsForUserRequest in);

// policy.cc
// EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded.
Result<api::CreatePolicyResponse> create_policy(Call& call, api::CreatePolicyRequest in);
Result<api::GetPolicyResponse> get_policy(Call& call, api::GetPolicyRequest in);
Result<api::ListPoliciesResponse> list_policies(Call& call, api::ListPoliciesRequest in);
// DeleteConflict while it is attached, or has more versions than its default.
Result<> delete_policy(Call& call, api::DeletePolicyRequest in);
Result<> tag_policy(Call& call, api::TagPolicyRequest in);
Result<> untag_policy(Call& call, api::UntagPolicyRequest in);
Result<api::ListPolicyTagsResponse> list_policy_tags(Call& call, api::ListPolicyTagsRequest in);

// policy_version.cc
// MalformedPolicyDocument, LimitExceeded; AccessDenied for the provider's policies.
Result<api::CreatePolicyVersionResponse> create_policy_version(Call& call,
                                                               api::CreatePolicyVersionRequest in);
Result<api::GetPolicyVersionResponse> get_policy_version(Call& call,
                                                         api::GetPolicyVersionRequest in);
Result<api::ListPolicyVersionsResponse> list_policy_versions(Call& call,
                                                             api::ListPolicyVersionsRequest in);
Result<> set_default_policy_version(Call& call, api::SetDefaultPolicyVersionRequest in);
// DeleteConflict where it is the default.
Result<> delete_policy_version(Call& call, api::DeletePolicyVersionRequest in);

// entities.cc
Result<api::ListEntitiesForPolicyResponse> list_entities_for_policy(
    Call& call, api::ListEntitiesForPolicyRequest in);
Result<api::GetAccountSummaryResponse> get_account_summary(Call& call, wire::Unit in);

// simulate.cc
// The policies of a user, group or role and those given, within a boundary and beside a resource's
// policy, by the function that decides about requests.
Result<api::SimulatePolicyResponse> simulate_principal_policy(
    Call& call, api::SimulatePrincipalPolicyRequest in, const identity::Directory& directory);
// Those given alone.
Result<api::SimulatePolicyResponse> simulate_custom_policy(Call& call,
                                                           api::SimulateCustomPolicyRequest in);
// The condition keys that policies ask for, by a condition or by a variable.
Result<api::GetContextKeysForPolicyResponse> get_context_keys_for_principal_policy(
    Call& call, api::GetContextKeysForPrincipalPolicyRequest in,
    const identity::Directory& directory);
Result<api::GetContextKeysForPolicyResponse> get_context_keys_for_custom_policy(
    Call& call, api::GetContextKeysForCustomPolicyRequest in);

// password.cc
Result<> update_account_password_policy(Call& call, api::UpdateAccountPasswordPolicyRequest in);
Result<api::GetAccountPasswordPolicyResponse> get_account_password_policy(Call& call,
                                                                          wire::Unit in);
Result<> delete_account_password_policy(Call& call, wire::Unit in);
// EntityAlreadyExists, PasswordPolicyViolation.
Result<api::CreateLoginProfileResponse> create_login_profile(Call& call,
                                                             api::CreateLoginProfileRequest in,
                                                             store::Store& store);
Result<api::GetLoginProfileResponse> get_login_profile(Call& call, api::GetLoginProfileRequest in);
// PasswordPolicyViolation.
Result<> update_login_profile(Call& call, api::UpdateLoginProfileRequest in, store::Store& store);
Result<> delete_login_profile(Call& call, api::DeleteLoginProfileRequest in);
// InvalidUserType for who is no user, AccessDenied for a wrong one, PasswordPolicyViolation.
Result<> change_password(Call& call, api::ChangePasswordRequest in, store::Store& store);

// user_upload.cc
// InvalidPublicKey, UnrecognizedPublicKeyEncoding, DuplicateSSHPublicKey, LimitExceeded.
Result<api::UploadSSHPublicKeyResponse> upload_ssh_public_key(Call& call,
                                                              api::UploadSSHPublicKeyRequest in);
Result<api::GetSSHPublicKeyResponse> get_ssh_public_key(Call& call, api::GetSSHPublicKeyRequest in);
Result<api::ListSSHPublicKeysResponse> list_ssh_public_keys(Call& call,
                                                            api::ListSSHPublicKeysRequest in);
Result<> update_ssh_public_key(Call& call, api::UpdateSSHPublicKeyRequest in);
Result<> delete_ssh_public_key(Call& call, api::DeleteSSHPublicKeyRequest in);
// MalformedCertificate, InvalidCertificate, DuplicateCertificate, LimitExceeded.
Result<api::UploadSigningCertificateResponse> upload_signing_certificate(
    Call& call, api::UploadSigningCertificateRequest in);
Result<api::ListSigningCertificatesResponse> list_signing_certificates(
    Call& call, api::ListSigningCertificatesRequest in);
Result<> update_signing_certificate(Call& call, api::UpdateSigningCertificateRequest in);
Result<> delete_signing_certificate(Call& call, api::DeleteSigningCertificateRequest in);

// server_certificate.cc
// MalformedCertificate, KeyPairMismatch, EntityAlreadyExists, LimitExceeded, InvalidInput (tags).
// What is prepared is a Result<Timestamp>: until when the certificate counts.
std::any prepare_upload_server_certificate(Call& call, api::UploadServerCertificateRequest in);
Result<api::UploadServerCertificateResponse> upload_server_certificate(
    Call& call, api::UploadServerCertificateRequest in);
Result<api::GetServerCertificateResponse> get_server_certificate(
    Call& call, api::GetServerCertificateRequest in);
Result<api::ListServerCertificatesResponse> list_server_certificates(
    Call& call, api::ListServerCertificatesRequest in);
// EntityAlreadyExists.
Result<> update_server_certificate(Call& call, api::UpdateServerCertificateRequest in);
Result<> delete_server_certificate(Call& call, api::DeleteServerCertificateRequest in);

// saml_provider.cc
// InvalidInput (metadata, tags), EntityAlreadyExists, LimitExceeded. Prepared as above.
std::any prepare_create_saml_provider(Call& call, api::CreateSAMLProviderRequest in);
std::any prepare_update_saml_provider(Call& call, api::UpdateSAMLProviderRequest in);
Result<api::CreateSAMLProviderResponse> create_saml_provider(Call& call,
                                                             api::CreateSAMLProviderRequest in);
Result<api::GetSAMLProviderResponse> get_saml_provider(Call& call, api::GetSAMLProviderRequest in);
Result<api::ListSAMLProvidersResponse> list_saml_providers(Call& call,
                                                           api::ListSAMLProvidersRequest in);
Result<api::UpdateSAMLProviderResponse> update_saml_provider(Call& call,
                                                             api::UpdateSAMLProviderRequest in);
Result<> delete_saml_provider(Call& call, api::DeleteSAMLProviderRequest in);
Result<> tag_saml_provider(Call& call, api::TagSAMLProviderRequest in);
Result<> untag_saml_provider(Call& call, api::UntagSAMLProviderRequest in);
Result<api::ListSAMLProviderTagsResponse> list_saml_provider_tags(
    Call& call, api::ListSAMLProviderTagsRequest in);

// mfa_device.cc
// EntityAlreadyExists, InvalidInput (tags).
Result<api::CreateVirtualMFADeviceResponse> create_virtual_mfa_device(
    Call& call, api::CreateVirtualMFADeviceRequest in);
// DeleteConflict while it is somebody's.
Result<> delete_virtual_mfa_device(Call& call, api::DeleteVirtualMFADeviceRequest in);
Result<api::ListVirtualMFADevicesResponse> list_virtual_mfa_devices(
    Call& call, api::ListVirtualMFADevicesRequest in);
Result<api::ListMFADevicesResponse> list_mfa_devices(Call& call, api::ListMFADevicesRequest in);
Result<api::GetMFADeviceResponse> get_mfa_device(Call& call, api::GetMFADeviceRequest in);
// InvalidAuthenticationCode, EntityAlreadyExists, LimitExceeded.
Result<> enable_mfa_device(Call& call, api::EnableMFADeviceRequest in);
// InvalidAuthenticationCode.
Result<> resync_mfa_device(Call& call, api::ResyncMFADeviceRequest in);
Result<> deactivate_mfa_device(Call& call, api::DeactivateMFADeviceRequest in);
Result<> tag_mfa_device(Call& call, api::TagMFADeviceRequest in);
Result<> untag_mfa_device(Call& call, api::UntagMFADeviceRequest in);
Result<api::ListMFADeviceTagsResponse> list_mfa_device_tags(Call& call,
                                                            api::ListMFADeviceTagsRequest in);

// credential_report.cc
Result<api::GenerateCredentialReportResponse> generate_credential_report(Call& call, wire::Unit in,
                                                                         store::Store& store);
// ReportNotPresent, ReportExpired.
Result<api::GetCredentialReportResponse> get_credential_report(Call& call, wire::Unit in);

// service_credential.cc
// LimitExceeded.
Result<api::CreateServiceSpecificCredentialResponse> create_service_specific_credential(
    Call& call, api::CreateServiceSpecificCredentialRequest in);
Result<api::ListServiceSpecificCredentialsResponse> list_service_specific_credentials(
    Call& call, api::ListServiceSpecificCredentialsRequest in);
Result<> update_service_specific_credential(Call& call,
                                            api::UpdateServiceSpecificCredentialRequest in);
Result<api::ResetServiceSpecificCredentialResponse> reset_service_specific_credential(
    Call& call, api::ResetServiceSpecificCredentialRequest in);
Result<> delete_service_specific_credential(Call& call,
                                            api::DeleteServiceSpecificCredentialRequest in);

}  // namespace slipway::iam
