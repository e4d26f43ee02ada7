#include "service/sagemaker_runtime/runtime.h"

#include "gen/sagemaker_runtime.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke.h"

namespace slipway::sagemaker_runtime {

void install(service::Registry& registry, const AsyncInvocations::Needs& async,
             const HotNeeds& hot) {
  namespace op = aws::sagemaker_runtime::op;
  using service::HotHandler;
  using service::HotRequest;
  registry.begin(aws::sagemaker_runtime::schema(), error_table())
      .add<op::InvokeEndpointAsync>(
          [invocations = AsyncInvocations(async)](
              service::Call& call, aws::sagemaker_runtime::InvokeEndpointAsyncInput in) {
            return invocations.invoke(call, in);
          })
      .add_hot<op::InvokeEndpoint>([hot](net::Loop& loop) -> HotHandler {
        return [&router = hot.router(loop), &sessions = hot.sessions](HotRequest&& request) {
          invoke_endpoint(std::move(request), router, sessions);
        };
      })
      .add_hot<op::InvokeEndpointWithResponseStream>([hot](net::Loop& loop) -> HotHandler {
        return [&router = hot.router(loop), &sessions = hot.sessions,
                limit = hot.stream_time_limit](HotRequest&& request) {
          invoke_endpoint_streamed(std::move(request), router, sessions, limit);
        };
      });
}

}  // namespace slipway::sagemaker_runtime
