// Devices that registered with a mobile application: "endpoints" in AWS's words. Stored only.
#include "base/boolean.h"
#include "service/paging.h"
#include "service/sns/mobile.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using events::PushDevice;
using Attributes = wire::MapView<std::string_view>;

constexpr std::size_t user_data_bytes_max = 2048;
constexpr std::size_t token_bytes_max = 4096;  // AWS publishes none: a choice

Result<> check_user_data(std::string_view text, std::string_view parameter) {
  if (text.size() <= user_data_bytes_max) return {};
  return invalid(fmt::format("{} must be at most {} bytes long in UTF-8 encoding", parameter,
                             user_data_bytes_max));
}

Result<> check_token(std::string_view token, std::string_view parameter) {
  if (token.empty()) return invalid(fmt::format("{} cannot be empty", parameter));
  if (token.size() <= token_bytes_max) return {};
  return invalid(fmt::format("{} must be at most {} bytes long", parameter, token_bytes_max));
}

Result<> read_attribute(std::string_view name, std::string_view value, PushDevice& out) {
  const std::string bad_value =
      fmt::format("Attributes Reason: Invalid value for attribute: {}", name);
  if (name == "Enabled") {
    const auto on = read_boolean(value);
    if (!on) return invalid(bad_value);
    out.state = *on ? PushDevice::State::enabled : PushDevice::State::disabled;
  } else if (name == "Token") {
    TRY_DO(check_token(value, bad_value + ":"));
    out.token = value;
  } else if (name == "CustomUserData") {
    TRY_DO(check_user_data(value, bad_value + ":"));
    out.user_data = value;
  } else {
    return invalid(fmt::format("Attributes Reason: Invalid attribute name: {}", name));
  }
  return {};
}

Result<> read_attributes(const Attributes& given, PushDevice& out) {
  for (const auto& [name, value] : given) TRY_DO(read_attribute(name, value, out));
  return {};
}

std::unexpected<Error> taken(const PushDevice& other) {
  return invalid(fmt::format(
      "Token Reason: Endpoint {} already exists with the same Token, but different attributes.",
      arn_of_mobile(other.id)));
}

template <typename Output>
void fill(const PushDevice& device, Output& out) {
  out.put_Attributes("Enabled", boolean_text(device.state == PushDevice::State::enabled));
  out.put_Attributes("Token", device.token);
  if (!device.user_data.empty()) out.put_Attributes("CustomUserData", device.user_data);
}

// "account/region/app/PLATFORM/NAME" as the beginning of its devices' ids.
std::string device_prefix(std::string_view application) {
  const std::size_t at = application.find("/app/");
  return fmt::format("{}/endpoint/{}", application.substr(0, at), application.substr(at + 5));
}

}  // namespace

// The same token with the same attributes is the same endpoint; with others it is refused, and the
// refusal names the endpoint: programs read it there.
Result<api::CreateEndpointResponse> create_platform_endpoint(const SnsDoor& door, Call& call,
                                                             api::CreatePlatformEndpointInput in) {
  TRY(const std::string application, application_of_arn(call, in.PlatformApplicationArn()));
  TRY_DO(door.mobile.find_application(call.tx(), application));
  PushDevice wanted{.id = {},
                    .application = application,
                    .token = std::string(in.Token()),
                    .user_data = std::string(in.CustomUserData().value_or(""))};
  TRY_DO(check_token(wanted.token, "Token Reason:"));
  TRY_DO(check_user_data(wanted.user_data, "CustomUserData Reason:"));
  TRY_DO(read_attributes(in.Attributes(), wanted));
  if (const auto there = door.mobile.find_token(call.tx(), application, wanted.token)) {
    wanted.id = there->id;
    if (*there != wanted) return taken(*there);
  } else {
    wanted.id = fmt::format("{}/{}", device_prefix(application), make_uuid(call.random()));
    door.mobile.put_device(call.tx(), wanted);
  }
  return call.output<api::CreateEndpointResponse>().EndpointArn(arn_of_mobile(wanted.id));
}

Result<> delete_endpoint(const SnsDoor& door, Call& call, api::DeleteEndpointInput in) {
  TRY(const std::string id, device_of_arn(call, in.EndpointArn()));
  door.mobile.remove_device(call.tx(), id);
  return {};
}

Result<api::GetEndpointAttributesResponse> get_endpoint_attributes(
    const SnsDoor& door, Call& call, api::GetEndpointAttributesInput in) {
  TRY(const std::string id, device_of_arn(call, in.EndpointArn()));
  TRY(const PushDevice device, door.mobile.find_device(call.tx(), id));
  auto out = call.output<api::GetEndpointAttributesResponse>();
  fill(device, out);
  return out;
}

Result<> set_endpoint_attributes(const SnsDoor& door, Call& call,
                                 api::SetEndpointAttributesInput in) {
  TRY(const std::string id, device_of_arn(call, in.EndpointArn()));
  TRY(PushDevice device, door.mobile.find_device(call.tx(), id));
  TRY_DO(read_attributes(in.Attributes(), device));
  if (const auto other = door.mobile.find_token(call.tx(), device.application, device.token);
      other && other->id != id)
    return taken(*other);
  door.mobile.put_device(call.tx(), device);
  return {};
}

Result<api::ListEndpointsByPlatformApplicationResponse> list_endpoints_by_platform_application(
    const SnsDoor& door, Call& call, api::ListEndpointsByPlatformApplicationInput in) {
  TRY(const std::string application, application_of_arn(call, in.PlatformApplicationArn()));
  TRY_DO(door.mobile.find_application(call.tx(), application));
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::string after,
      tokens.position_or(service::unless_empty(in.NextToken()), bad_page_token));
  auto page = door.mobile.list_devices(call.tx(), application, after, page_items_max + 1);
  auto out = call.output<api::ListEndpointsByPlatformApplicationResponse>();
  out.Endpoints(wire::empty);
  out.NextToken(tokens.cut(page, page_items_max, &PushDevice::id));
  for (const PushDevice& each : page) {
    auto item = out.add_Endpoints().EndpointArn(arn_of_mobile(each.id));
    fill(each, item);
  }
  return out;
}

}  // namespace slipway::sns
