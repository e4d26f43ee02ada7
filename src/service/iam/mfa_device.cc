// Virtual devices of second factors.
#include <fmt/format.h>

#include "base/text.h"
#include "engine/identity/mfa.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/qr_code.h"
#include "service/iam/tags.h"
#include "service/iam/user.h"

namespace slipway::iam {
namespace {

using identity::MfaDevice;
using identity::Owner;
using identity::User;
using service::refuse;

Owner owner_of(const MfaDevice& device) {
  return {Owner::Kind::mfa_device, device.account, device.name};
}

std::string serial_of(const Call& call, const MfaDevice& device) {
  return iam_arn(call, "mfa", "/", device.name);
}

std::unexpected<Error> no_device(std::string_view serial) {
  return refuse("NoSuchEntity",
                fmt::format("MFA Device with serial number {} does not exist.", serial));
}

// By its serial number to the letter: policies were asked about it as it is written.
Result<MfaDevice> find(Call& call, std::string_view serial) {
  const std::string head = iam_arn(call, "mfa", "/", "");
  if (!serial.starts_with(head)) return no_device(serial);
  auto device = identity::find_mfa_device(call.tx(), call.account(), serial.substr(head.size()));
  if (!device) return no_device(serial);
  return device;
}

template <typename In>
identity::MfaCodes codes_in(const In& in) {
  return {in.AuthenticationCode1(), in.AuthenticationCode2()};
}

void fill(Call& call, const MfaDevice& device, api::VirtualMFADevice out) {
  out.SerialNumber(serial_of(call, device));
  if (device.user.empty()) return;
  out.EnableDate(device.enabled);
  if (const auto user = identity::find_user(call.tx(), device.account, device.user))
    iam::fill(call, *user, out.make_User());
}

}  // namespace

Result<api::CreateVirtualMFADeviceResponse> create_virtual_mfa_device(
    Call& call, api::CreateVirtualMFADeviceRequest in) {
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), Owner::Kind::mfa_device));
  const std::string_view path = in.Path().value_or("/");
  const MfaDevice device{
      .account = call.account(),
      .name = fmt::format("{}{}", path.substr(1), in.VirtualMFADeviceName()),
      .seed = make_token(call.random(), identity::mfa_seed_characters, alphabet_base32),
      .created = this_second(call)};
  TRY_DO(identity::create_mfa_device(call.tx(), device, tags));
  auto out = call.output<api::CreateVirtualMFADeviceResponse>();
  api::VirtualMFADevice made = out.make_VirtualMFADevice();
  const std::string picture = qr_code_png(fmt::format(
      "otpauth://totp/{}@{}?secret={}", in.VirtualMFADeviceName(), device.account, device.seed));
  made.SerialNumber(serial_of(call, device))
      .Base32StringSeed(wire::Blob{device.seed})
      .QRCodePNG(wire::Blob{picture});
  for (const auto& [key, value] : tags) made.add_Tags().Key(key).Value(value);
  return out;
}

Result<> delete_virtual_mfa_device(Call& call, api::DeleteVirtualMFADeviceRequest in) {
  TRY(const MfaDevice device, find(call, in.SerialNumber()));
  return identity::delete_mfa_device(call.tx(), device);
}

Result<api::ListVirtualMFADevicesResponse> list_virtual_mfa_devices(
    Call& call, api::ListVirtualMFADevicesRequest in) {
  using identity::MfaAssigned;
  TRY(const PageAsked request, read_page(call, in));
  const std::string_view wanted = in.AssignmentStatus().value_or("Any");
  const MfaAssigned assigned = wanted == "Assigned"     ? MfaAssigned::yes
                               : wanted == "Unassigned" ? MfaAssigned::no
                                                        : MfaAssigned::any;
  const auto page = identity::list_mfa_devices(call.tx(), call.account(), assigned, request);
  auto out = call.output<api::ListVirtualMFADevicesResponse>();
  out.VirtualMFADevices(wire::empty);
  for (const MfaDevice& each : page.items) fill(call, each, out.add_VirtualMFADevices());
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

// The account's root has none here.
Result<api::ListMFADevicesResponse> list_mfa_devices(Call& call, api::ListMFADevicesRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  auto out = call.output<api::ListMFADevicesResponse>();
  out.MFADevices(wire::empty);
  identity::Page<MfaDevice> page;
  if (in.UserName() || !call.caller().principal.is_root()) {
    TRY(const User user, user_in(call, in.UserName()));
    for (MfaDevice& each : identity::mfa_devices_of(call.tx(), user)) {
      if (to_lower(each.name) <= to_lower(request.after)) continue;
      page.more = page.items.size() == request.items_max;
      if (page.more) break;
      out.add_MFADevices()
          .UserName(user.name)
          .SerialNumber(serial_of(call, each))
          .EnableDate(each.enabled);
      page.items.push_back(std::move(each));
    }
  }
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

Result<api::GetMFADeviceResponse> get_mfa_device(Call& call, api::GetMFADeviceRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const MfaDevice device, find(call, in.SerialNumber()));
  for (const MfaDevice& each : identity::mfa_devices_of(call.tx(), user))
    if (each.name == device.name)
      return call.output<api::GetMFADeviceResponse>()
          .UserName(user.name)
          .SerialNumber(in.SerialNumber())
          .EnableDate(device.enabled);
  return refuse("NoSuchEntity", "MFA Device invalid for user.");
}

Result<> enable_mfa_device(Call& call, api::EnableMFADeviceRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(MfaDevice device, find(call, in.SerialNumber()));
  return identity::enable_mfa_device(call.tx(), user, std::move(device), codes_in(in), call.now());
}

Result<> resync_mfa_device(Call& call, api::ResyncMFADeviceRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(MfaDevice device, find(call, in.SerialNumber()));
  return identity::resync_mfa_device(call.tx(), user, std::move(device), codes_in(in), call.now());
}

Result<> deactivate_mfa_device(Call& call, api::DeactivateMFADeviceRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const MfaDevice device, find(call, in.SerialNumber()));
  return identity::deactivate_mfa_device(call.tx(), user, device);
}

Result<> tag_mfa_device(Call& call, api::TagMFADeviceRequest in) {
  TRY(const MfaDevice device, find(call, in.SerialNumber()));
  return put_tags_in(in, call, owner_of(device));
}

Result<> untag_mfa_device(Call& call, api::UntagMFADeviceRequest in) {
  TRY(const MfaDevice device, find(call, in.SerialNumber()));
  return delete_tags_in(in, call, owner_of(device));
}

Result<api::ListMFADeviceTagsResponse> list_mfa_device_tags(Call& call,
                                                            api::ListMFADeviceTagsRequest in) {
  TRY(const MfaDevice device, find(call, in.SerialNumber()));
  return tags_answer<api::ListMFADeviceTagsResponse>(in, call, owner_of(device));
}

}  // namespace slipway::iam
