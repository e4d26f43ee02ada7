// Text messages: how an account wants them sent is kept, and nothing is sent. Nobody here can
// answer STOP, so that no number is opted out; none needs to be verified before it is written to.
#include <algorithm>

#include "service/resource_key.h"
#include "service/sns/mobile.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using Settings = std::map<std::string, std::string>;

constexpr std::string_view names[] = {
    "MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate",
    "DefaultSenderID",   "DefaultSMSType",        "UsageReportS3Bucket"};

constexpr std::size_t sender_id_characters_max = 11;
constexpr std::size_t bucket_name_bytes_max = 63;

std::unexpected<Error> refused(std::string message) {
  return refuse("InvalidParameterException", std::move(message));
}

// At most eleven letters and digits, one letter among them.
bool is_sender_id(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() <= sender_id_characters_max && std::ranges::any_of(text, is_letter) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// An empty text takes a setting back.
Result<> check_setting(Call& call, std::string_view name, std::string_view value) {
  if (std::ranges::find(names, name) == std::end(names))
    return refused(fmt::format("{} is not a valid attribute", name));
  if (value.empty()) return {};
  if (name == "DefaultSMSType" && value != "Promotional" && value != "Transactional")
    return refused("DefaultSMSType is invalid");
  if (name == "DeliveryStatusSuccessSamplingRate" && !is_number(value, 100))
    return refused("DeliveryStatusSuccessSamplingRate is invalid");
  if (name == "MonthlySpendLimit" && !is_number(value, 1'000'000'000))
    return refused("MonthlySpendLimit is invalid");
  if (name == "DefaultSenderID" && !is_sender_id(value))
    return refused("DefaultSenderID is invalid");
  if (name == "DeliveryStatusIAMRole") return may_pass_role(call, value, name);
  if (name == "UsageReportS3Bucket" && value.size() > bucket_name_bytes_max)
    return refused("UsageReportS3Bucket is invalid");
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

Result<api::SetSMSAttributesResponse> set_sms_attributes(const SnsDoor& door, Call& call,
                                                         api::SetSMSAttributesInput in) {
  Settings settings = door.mobile.text_settings(call.tx(), owner_of(call));
  for (const auto& [name, value] : in.attributes()) {
    TRY_DO(check_setting(call, name, value));
    if (value.empty())
      settings.erase(std::string(name));
    else
      settings[std::string(name)] = value;
  }
  door.mobile.set_text_settings(call.tx(), owner_of(call), settings);
  return call.output<api::SetSMSAttributesResponse>();
}

Result<api::GetSMSAttributesResponse> get_sms_attributes(const SnsDoor& door, Call& call,
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
    const SnsDoor&, Call& call, api::CheckIfPhoneNumberIsOptedOutInput in) {
  TRY_DO(check_number(in.phoneNumber()));
  return call.output<api::CheckIfPhoneNumberIsOptedOutResponse>().isOptedOut(false);
}

Result<api::ListPhoneNumbersOptedOutResponse> list_phone_numbers_opted_out(
    const SnsDoor&, Call& call, api::ListPhoneNumbersOptedOutInput) {
  auto out = call.output<api::ListPhoneNumbersOptedOutResponse>();
  out.phoneNumbers(wire::empty);
  return out;
}

Result<api::OptInPhoneNumberResponse> opt_in_phone_number(const SnsDoor&, Call& call,
                                                          api::OptInPhoneNumberInput in) {
  TRY_DO(check_number(in.phoneNumber()));
  return call.output<api::OptInPhoneNumberResponse>();
}

Result<api::GetSMSSandboxAccountStatusResult> get_sms_sandbox_account_status(
    const SnsDoor&, Call& call, api::GetSMSSandboxAccountStatusInput) {
  return call.output<api::GetSMSSandboxAccountStatusResult>().IsInSandbox(false);
}

}  // namespace slipway::sns
