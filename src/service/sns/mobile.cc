#include "service/sns/mobile.h"

#include <algorithm>
#include <charconv>

#include "service/arn.h"

namespace slipway::sns {
namespace {

constexpr std::size_t uuid_bytes = 36;
constexpr std::size_t digits_max = 15;
constexpr std::size_t arn_bytes_max = 2048;

struct Form {
  std::string_view parameter;
  std::string_view head;  // of the part that is relative to the account
  int slashes;
};

Result<service::Arn> read_arn(const Call& call, std::string_view text, const Form& form) {
  const auto arn = service::parse_arn(text);
  const auto parts = std::ranges::count(text, ':') + 1;
  if (!arn || arn->service != "sns")
    return invalid(fmt::format("{} Reason: An ARN must have at least 6 elements, not {}",
                               form.parameter, parts));
  if (!arn->resource.starts_with(form.head) ||
      std::ranges::count(arn->resource, '/') != form.slashes)
    return invalid(fmt::format("{} Reason: Wrong number of slashes in relative portion of the ARN.",
                               form.parameter));
  if (arn->region != call.region()) return invalid(form.parameter);
  return *arn;
}

}  // namespace

Result<std::string> application_of_arn(const Call& call, std::string_view arn) {
  TRY(const service::Arn read, read_arn(call, arn, {"PlatformApplicationArn", "app/", 2}));
  return read.key();
}

Result<std::string> device_of_arn(const Call& call, std::string_view arn) {
  TRY(const service::Arn read, read_arn(call, arn, {"EndpointArn", "endpoint/", 3}));
  if (read.resource.size() - read.resource.rfind('/') - 1 != uuid_bytes)
    return invalid(
        "EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly "
        "36 characters.");
  return read.key();
}

bool is_device_arn(std::string_view text) {
  const auto arn = service::parse_arn(text);
  return arn && arn->service == "sns" && arn->resource.starts_with("endpoint/");
}

bool is_phone_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return text.size() > 1 && text.size() <= digits_max && text.front() != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most;
}

Result<> may_pass_role(const Call& call, std::string_view role, std::string_view parameter) {
  const auto arn = service::parse_arn(role);
  if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/") ||
      role.size() > arn_bytes_max)
    return invalid(std::string(parameter));
  const identity::ContextEntry to{"iam:PassedToService", {"sns.amazonaws.com"}};
  return call.permit("iam:PassRole", std::string(role), {&to, 1});
}

}  // namespace slipway::sns
