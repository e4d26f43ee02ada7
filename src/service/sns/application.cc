// Mobile applications: stored only, so that programs which register devices run. No message goes to
// any service of a device's maker, and what such a service would want to be told is not kept.
#include <algorithm>

#include "base/boolean.h"
#include "service/paging.h"
#include "service/resource_key.h"
#include "service/sns/attributes.h"
#include "service/sns/mobile.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using events::PushApplication;
using Attributes = wire::MapView<std::string_view>;

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t note_bytes_max = 256;  // AWS publishes none: a choice

constexpr std::string_view platforms[] = {
    "ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "Baidu",
    "GCM", "MPNS", "WNS",          "MACOS",     "MACOS_SANDBOX"};

constexpr std::string_view credential = "PlatformCredential";
constexpr std::string_view principal = "PlatformPrincipal";
// Whoever names one of these lets the service act with it, or send there.
constexpr std::string_view role_attributes[] = {"SuccessFeedbackRoleArn", "FailureFeedbackRoleArn"};
constexpr std::string_view topic_attributes[] = {"EventEndpointCreated", "EventEndpointDeleted",
                                                 "EventEndpointUpdated", "EventDeliveryFailure"};
constexpr std::string_view plain_attributes[] = {"SuccessFeedbackSampleRate", "ApplePlatformTeamID",
                                                 "ApplePlatformBundleID"};
constexpr int percent_max = 100;

template <std::size_t n>
bool is_in(const std::string_view (&names)[n], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

Result<> check_name(std::string_view name) {
  if (name.empty()) return invalid(" Reason: cannot be empty");
  if (name.size() > name_bytes_max)
    return invalid(
        fmt::format("{} Reason: must be at most {} characters long", name, name_bytes_max));
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (plain) return {};
  return invalid(fmt::format(
      "{} Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'",
      name));
}

Result<> check_credentials(std::string_view platform, const Attributes& given) {
  const bool has_credential = given.find(credential).has_value();
  const bool has_principal = given.find(principal).has_value();
  if (platform == "GCM" && !has_credential)
    return invalid("Attributes Reason: PlatformCredential attribute required");
  if (has_principal && !has_credential)
    return invalid(
        "Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential");
  if (platform != "GCM" && has_credential && !has_principal)
    return invalid(
        "Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal");
  return {};
}

// Of those that only say something; an empty text takes one back, and is always good.
Result<> check_note(Call& call, std::string_view name, std::string_view value) {
  const std::string bad = fmt::format("Attributes Reason: Invalid value for attribute: {}", name);
  if (is_in(role_attributes, name)) return may_pass_role(call, value, bad);
  if (is_in(topic_attributes, name)) {
    const auto topic = topic_of_arn(call, value);
    return topic ? call.permit("sns:Publish", arn_of(*topic)) : invalid(bad);
  }
  const bool good = name == "SuccessFeedbackSampleRate" ? is_number(value, percent_max)
                                                        : value.size() <= note_bytes_max;
  return good ? Result<>() : invalid(bad);
}

// Credentials are for a service that is never asked: they are forgotten at once.
Result<> read_attribute(Call& call, std::string_view name, std::string_view value,
                        PushApplication& out) {
  if (name == credential || name == principal) return {};
  if (name == "Enabled") {
    const auto on = read_boolean(value);
    if (!on) return invalid("Attributes Reason: Invalid value for attribute: Enabled");
    out.notes["Enabled"] = boolean_text(*on);
    return {};
  }
  if (!is_in(role_attributes, name) && !is_in(topic_attributes, name) &&
      !is_in(plain_attributes, name))
    return invalid(fmt::format("Attributes Reason: Invalid attribute name: {}", name));
  if (value.empty()) {
    out.notes.erase(std::string(name));
    return {};
  }
  TRY_DO(check_note(call, name, value));
  out.notes[std::string(name)] = value;
  return {};
}

Result<> read_attributes(Call& call, const Attributes& given, PushApplication& out) {
  for (const auto& [name, value] : given) TRY_DO(read_attribute(call, name, value, out));
  return {};
}

}  // namespace

Result<api::CreatePlatformApplicationResponse> create_platform_application(
    const SnsDoor& door, Call& call, api::CreatePlatformApplicationInput in) {
  TRY_DO(check_name(in.Name()));
  if (!is_in(platforms, in.Platform()))
    return invalid(fmt::format("Platform Reason: {} is not supported", in.Platform()));
  TRY_DO(check_credentials(in.Platform(), in.Attributes()));
  PushApplication application{
      .id =
          service::resource_key(call.caller(), fmt::format("app/{}/{}", in.Platform(), in.Name())),
      .notes = {{"Enabled", "true"}}};
  if (auto there = door.mobile.find_application(call.tx(), application.id))
    application = *std::move(there);
  TRY_DO(read_attributes(call, in.Attributes(), application));
  door.mobile.put_application(call.tx(), application);
  return call.output<api::CreatePlatformApplicationResponse>().PlatformApplicationArn(
      arn_of_mobile(application.id));
}

Result<> delete_platform_application(const SnsDoor& door, Call& call,
                                     api::DeletePlatformApplicationInput in) {
  TRY(const std::string id, application_of_arn(call, in.PlatformApplicationArn()));
  door.mobile.remove_application(call.tx(), id);
  return {};
}

Result<api::ListPlatformApplicationsResponse> list_platform_applications(
    const SnsDoor& door, Call& call, api::ListPlatformApplicationsInput in) {
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::string after,
      tokens.position_or(service::unless_empty(in.NextToken()), bad_page_token));
  auto page = door.mobile.list_applications(call.tx(), service::resource_key(call.caller(), "app/"),
                                            after, page_items_max + 1);
  auto out = call.output<api::ListPlatformApplicationsResponse>();
  out.PlatformApplications(wire::empty);
  out.NextToken(tokens.cut(page, page_items_max, &PushApplication::id));
  for (const PushApplication& each : page) {
    auto item = out.add_PlatformApplications().PlatformApplicationArn(arn_of_mobile(each.id));
    for (const auto& [name, value] : each.notes) item.put_Attributes(name, value);
  }
  return out;
}

Result<api::GetPlatformApplicationAttributesResponse> get_platform_application_attributes(
    const SnsDoor& door, Call& call, api::GetPlatformApplicationAttributesInput in) {
  TRY(const std::string id, application_of_arn(call, in.PlatformApplicationArn()));
  TRY(const PushApplication application, door.mobile.find_application(call.tx(), id));
  auto out = call.output<api::GetPlatformApplicationAttributesResponse>();
  for (const auto& [name, value] : application.notes) out.put_Attributes(name, value);
  return out;
}

Result<> set_platform_application_attributes(const SnsDoor& door, Call& call,
                                             api::SetPlatformApplicationAttributesInput in) {
  TRY(const std::string id, application_of_arn(call, in.PlatformApplicationArn()));
  TRY(PushApplication application, door.mobile.find_application(call.tx(), id));
  TRY_DO(read_attributes(call, in.Attributes(), application));
  door.mobile.put_application(call.tx(), application);
  return {};
}

}  // namespace slipway::sns
