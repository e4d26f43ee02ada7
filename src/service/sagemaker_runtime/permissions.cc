// Who may ask which endpoint.
#include "service/permissions.h"

#include "gen/sagemaker_runtime.h"
#include "service/sagemaker_runtime/runtime.h"

namespace slipway::sagemaker_runtime {
namespace {

using service::Need;

constexpr std::string_view endpoint = "{arn}:endpoint/{lower:EndpointName}";
constexpr std::string_view component = "{arn}:inference-component/{lower:InferenceComponentName}";

constexpr Need needs[] = {
    {"InvokeEndpoint", "sagemaker:InvokeEndpoint", endpoint},
    Need{"InvokeEndpoint", "sagemaker:InvokeEndpoint", component}.where("InferenceComponentName"),
    {"InvokeEndpointWithResponseStream", "sagemaker:InvokeEndpointWithResponseStream", endpoint},
    Need{"InvokeEndpointWithResponseStream", "sagemaker:InvokeEndpointWithResponseStream",
         component}
        .where("InferenceComponentName"),
    {"InvokeEndpointAsync", "sagemaker:InvokeEndpointAsync", endpoint},
};

constexpr service::KeyOfMember keys[] = {{"sagemaker:TargetModel", "TargetModel"}};

}  // namespace

service::Permissions permissions(AddTagKeys tag_keys) {
  return {.schema = aws::sagemaker_runtime::schema(),
          .needs = needs,
          .keys = keys,
          .add_keys = std::move(tag_keys)};
}

}  // namespace slipway::sagemaker_runtime
