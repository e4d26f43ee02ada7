// What no user and no account has here: second factors, uploaded keys and certificates. They cannot
// be made, and who asks for them is told so in the words for one who has none. Tools ask before
// they delete a user.
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/user.h"

namespace slipway::iam {
Result<api::ListMFADevicesResponse> list_mfa_devices(Call& call, api::ListMFADevicesRequest in) {
  if (in.UserName() || !call.caller().principal.is_root()) TRY_DO(user_in(call, in.UserName()));
  return call.output<api::ListMFADevicesResponse>().MFADevices(wire::empty).IsTruncated(false);
}

Result<api::ListVirtualMFADevicesResponse> list_virtual_mfa_devices(
    Call& call, api::ListVirtualMFADevicesRequest) {
  return call.output<api::ListVirtualMFADevicesResponse>()
      .VirtualMFADevices(wire::empty)
      .IsTruncated(false);
}

Result<api::ListSSHPublicKeysResponse> list_ssh_public_keys(Call& call,
                                                            api::ListSSHPublicKeysRequest in) {
  TRY_DO(user_in(call, in.UserName()));
  return call.output<api::ListSSHPublicKeysResponse>()
      .SSHPublicKeys(wire::empty)
      .IsTruncated(false);
}

Result<api::ListSigningCertificatesResponse> list_signing_certificates(
    Call& call, api::ListSigningCertificatesRequest in) {
  TRY_DO(user_in(call, in.UserName()));
  return call.output<api::ListSigningCertificatesResponse>()
      .Certificates(wire::empty)
      .IsTruncated(false);
}

Result<api::ListServiceSpecificCredentialsResponse> list_service_specific_credentials(
    Call& call, api::ListServiceSpecificCredentialsRequest in) {
  if (!in.AllUsers().value_or(false)) TRY_DO(user_in(call, in.UserName()));
  return call.output<api::ListServiceSpecificCredentialsResponse>().ServiceSpecificCredentials(
      wire::empty);
}

Result<api::ListSAMLProvidersResponse> list_saml_providers(Call& call,
                                                           api::ListSAMLProvidersRequest) {
  return call.output<api::ListSAMLProvidersResponse>().SAMLProviderList(wire::empty);
}

Result<api::ListServerCertificatesResponse> list_server_certificates(
    Call& call, api::ListServerCertificatesRequest) {
  return call.output<api::ListServerCertificatesResponse>()
      .ServerCertificateMetadataList(wire::empty)
      .IsTruncated(false);
}

}  // namespace slipway::iam
