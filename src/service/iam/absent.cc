// What nobody has here: second factors and credentials for one service. They cannot be made, and
// who asks for them is told so in the words for one who has none. Tools ask before they delete a
// user.
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

Result<api::ListServiceSpecificCredentialsResponse> list_service_specific_credentials(
    Call& call, api::ListServiceSpecificCredentialsRequest in) {
  if (!in.AllUsers().value_or(false)) TRY_DO(user_in(call, in.UserName()));
  return call.output<api::ListServiceSpecificCredentialsResponse>().ServiceSpecificCredentials(
      wire::empty);
}

}  // namespace slipway::iam
