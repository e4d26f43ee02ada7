#include "service/sagemaker/quota.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace slipway::sagemaker {
namespace {

std::string_view detail(const Error& error, std::string_view name) {
  const auto found =
      std::ranges::find(error.details, name, &std::pair<std::string, std::string>::first);
  return found == error.details.end() ? "0" : std::string_view(found->second);
}

}  // namespace

Error in_quota_words(Error error, std::string_view instance_type) {
  if (error.kind != "too_many_instances") return error;
  const std::string_view type = instance_type.empty() ? "instance" : instance_type;
  std::string text = fmt::format(
      "The account-level service limit '{} for endpoint usage' is {} Instances, with current "
      "utilization of {} Instances and a request delta of {} Instances. Please use AWS Service "
      "Quotas to request an increase for this quota. Here it is how many instances of all types "
      "together the cores and the memory of this machine bear; slipway serve --instances-max "
      "changes it.",
      type, detail(error, "limit"), detail(error, "used"), detail(error, "asked"));
  return {.code = ErrorCode::limit_exceeded,
          .message = std::move(text),
          .kind = "ResourceLimitExceeded"};
}

std::string_view largest_type(const aws::sagemaker::CreateEndpointConfigInput& config) {
  std::string_view type;
  std::int32_t most = 0;
  for (const auto variant : config.ProductionVariants()) {
    const std::int32_t count = variant.InitialInstanceCount().value_or(0);
    if (count <= most) continue;
    most = count;
    type = variant.InstanceType().value_or("");
  }
  return type;
}

}  // namespace slipway::sagemaker
