#include "service/sagemaker_runtime/runtime.h"

#include "gen/sagemaker_runtime.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke.h"

namespace slipway::sagemaker_runtime {

Runtime::Runtime(fleet::Router& router, fleet::Sessions& sessions,
                 std::chrono::milliseconds stream_time_limit)
    : router_(router),
      sessions_(sessions),
      stream_time_limit_(stream_time_limit),
      stream_operation_(
          &aws::sagemaker_runtime::op::InvokeEndpointWithResponseStream::operation()) {}

void install(service::Registry& registry, const AsyncInvocations::Needs& async) {
  namespace api = aws::sagemaker_runtime;
  const wire::Schema& schema = api::schema();
  auto service = registry.begin(schema, error_table());
  service.add<api::op::InvokeEndpointAsync>(
      [invocations = AsyncInvocations(async)](service::Call& call,
                                              api::InvokeEndpointAsyncInput in) {
        return invocations.invoke(call, in);
      });
  registry.add_hot(schema, "InvokeEndpoint");
  registry.add_hot(schema, "InvokeEndpointWithResponseStream");
}

void Runtime::handle(service::HotRequest&& hot) {
  if (hot.route.operation == stream_operation_)
    return invoke_endpoint_streamed(std::move(hot), router_, sessions_, stream_time_limit_);
  invoke_endpoint(std::move(hot), router_, sessions_);
}

}  // namespace slipway::sagemaker_runtime
