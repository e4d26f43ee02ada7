#include "service/sagemaker_runtime/runtime.h"

#include "gen/sagemaker_runtime.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke.h"

namespace slipway::sagemaker_runtime {

void install(service::Registry& registry) {
  const wire::Schema& schema = aws::sagemaker_runtime::schema();
  registry.begin(schema, error_table());
  registry.add_hot(schema, "InvokeEndpoint");
}

void Runtime::handle(service::HotRequest&& hot) { invoke_endpoint(std::move(hot), router_); }

}  // namespace slipway::sagemaker_runtime
