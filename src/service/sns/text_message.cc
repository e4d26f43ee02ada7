// Text messages: how an account wants them sent is kept, and nothing is sent. Nobody here can
// answer STOP, so that no number is opted out; none needs to be verified before it is written to.
#include <algorithm>
#include <charconv>

#include "service/resource_key.h"
#include "service/sns/mobile.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using Settings = std::map<std::string, std::string>;

constexpr std::string_view names[] = {
    "MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate",
    "DefaultSenderID",   "DefaultSMSType",        "UsageReportS3Bucket"};

std::unexpected<Error> refused(std::string message) {
  return refuse("InvalidParameterException", std::move(message));
}

bool is_number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most;
}

Result<> check_setting(Call& call, std::string_view name, std::string_view value) {
  if (std::ranges::find(names, name) == std::end(names))
    return refused(fmt::format("{} is not a valid attribute", name));
  if (name == "DefaultSMSType" && value != "Promotional" && value != "Transactional")
    return refused("DefaultSMSType is invalid");
  if (name == "DeliveryStatusSuccessSamplingRate" && !is_number(value, 100))
    return refused("DeliveryStatusSuccessSamplingRate is invalid");
  if (name == "MonthlySpendLimit" && !is_number(value, 1'000'000'000))
    return refused("MonthlySpendLimit is invalid");
  if (name == "DeliveryStatusIAMRole") return call.permit("iam:PassRole", std::string(value));
  if (name == "UsageReportS3Bucket")
    return call.permit("s3:PutObject", fmt::format("arn:aws:s3:::{}/*", value));
  return {};
}

std::string owner_of(const Call& call) { return service::resource_key(call.caller(), ""); }

Result<> check_number(std::string_view number) {
  if (is_phone_number(number)) return {};
  return invalid("PhoneNumber Reason: input incorrectly formatted");
}

}  // namespace

Result<api::SetSMSAttributesResponse> set_sms_attributes(const Door& door, Call& call,
                                                         api::SetSMSAttributesInput in) {
  Settings settings = door.mobile.text_settings(call.tx(), owner_of(call));
  for (const auto& [name, value] : in.attributes()) {
    TRY_DO(check_setting(call, name, value));
    settings[std::string(name)] = value;
  }
  door.mobile.set_text_settings(call.tx(), owner_of(call), settings);
  return call.output<api::SetSMSAttributesResponse>();
}

Result<api::GetSMSAttributesResponse> get_sms_attributes(const Door& door, Call& call,
                                                         api::GetSMSAttributesInput in) {
  Settings settings = door.mobile.text_settings(call.tx(), owner_of(call));
  settings.try_emplace("MonthlySpendLimit", "1");  // a new account's
  const auto is_asked_for = [&](std::string_view name) {
    return in.attributes().empty() ||
           std::ranges::any_of(in.attributes(),
                               [&](std::string_view each) { return each == name; });
  };
  auto out = call.output<api::GetSMSAttributesResponse>();
  out.attributes(wire::empty);
  for (const auto& [name, value] : settings)
    if (is_asked_for(name)) out.put_attributes(name, value);
  return out;
}

Result<api::CheckIfPhoneNumberIsOptedOutResponse> check_if_phone_number_is_opted_out(
    const Door&, Call& call, api::CheckIfPhoneNumberIsOptedOutInput in) {
  TRY_DO(check_number(in.phoneNumber()));
  return call.output<api::CheckIfPhoneNumberIsOptedOutResponse>().isOptedOut(false);
}

Result<api::ListPhoneNumbersOptedOutResponse> list_phone_numbers_opted_out(
    const Door&, Call& call, api::ListPhoneNumbersOptedOutInput) {
  auto out = call.output<api::ListPhoneNumbersOptedOutResponse>();
  out.phoneNumbers(wire::empty);
  return out;
}

Result<api::OptInPhoneNumberResponse> opt_in_phone_number(const Door&, Call& call,
                                                          api::OptInPhoneNumberInput in) {
  TRY_DO(check_number(in.phoneNumber()));
  return call.output<api::OptInPhoneNumberResponse>();
}

Result<api::GetSMSSandboxAccountStatusResult> get_sms_sandbox_account_status(
    const Door&, Call& call, api::GetSMSSandboxAccountStatusInput) {
  return call.output<api::GetSMSSandboxAccountStatusResult>().IsInSandbox(false);
}

}  // namespace slipway::sns
