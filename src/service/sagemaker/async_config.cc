#include "service/sagemaker/async_config.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "service/errors.h"
#include "service/s3_location.h"
#include "wire/document.h"

namespace slipway::sagemaker {
namespace {

namespace api = aws::sagemaker;
using service::refuse;

// Whichever variant answers, results are stored for its writer.
std::vector<std::string> writers_of(const fleet::FleetPlan& plan) {
  std::set<std::string> writers;
  for (const fleet::Variant& variant : plan.variants) {
    const auto known = plan.writers.find(variant.variant());
    writers.insert(known == plan.writers.end() ? std::string() : known->second);
  }
  return {writers.begin(), writers.end()};
}

invocation_queue::InvocationQueueSettings settings_of(const api::AsyncInferenceConfig& config,
                                                      const fleet::FleetPlan& plan) {
  const auto wanted = config.ClientConfig().MaxConcurrentInvocationsPerInstance();
  return {.concurrency = static_cast<std::uint32_t>(wanted.value_or(async_concurrency_default)),
          .document = wire::to_json(config),
          .writers = writers_of(plan)};
}

}  // namespace

// The text for what is not combined is AWS's (boto/boto3#4275).
Result<> check_async(const api::CreateEndpointConfigInput& config) {
  if (!config.AsyncInferenceConfig()) return {};
  if (config.AsyncInferenceConfig().OutputConfig().S3OutputPath().value_or("").empty())
    return refuse(
        "ValidationException",
        "AsyncInferenceConfig: OutputConfig needs an S3OutputPath: without it there is no "
        "place for results.");
  for (const auto path : {config.AsyncInferenceConfig().OutputConfig().S3OutputPath(),
                          config.AsyncInferenceConfig().OutputConfig().S3FailurePath()})
    if (path && !service::s3_location(*path))
      return refuse("ValidationException",
                    fmt::format("AsyncInferenceConfig: {} names no bucket of S3.", *path));
  if (config.DataCaptureConfig().EnableCapture().value_or(false) || config.ExplainerConfig() ||
      !config.ShadowProductionVariants().empty())
    return refuse("ValidationException",
                  "One or more endpoint features are not supported using this configuration");
  return {};
}

// Least outstanding: the requests that the queue has under way spread so that no instance has more
// than its share.
void ask_by_queue(fleet::FleetPlan& plan) {
  plan.access = routing::Access::queued;
  plan.request_timeout = async_invocation_timeout_max;
  for (fleet::Variant& variant : plan.variants)
    fleet::set_balancing(variant, routing::Balancing::least_outstanding);
}

Result<> open_queue(const service::Call& call, const invocation_queue::InvocationQueues& queues,
                    const routing::FleetId& id, const api::CreateEndpointConfigInput& config,
                    const fleet::FleetPlan& plan) {
  if (!config.AsyncInferenceConfig()) return {};
  return queues.put(call.tx(), id.text, settings_of(config.AsyncInferenceConfig(), plan));
}

Result<> expect_same_access(const service::Call& call, const routing::FleetId& id,
                            const api::CreateEndpointConfigInput& config) {
  const bool is_async = invocation_queue::InvocationQueues::find(call.tx(), id.text).has_value();
  if (is_async == static_cast<bool>(config.AsyncInferenceConfig())) return {};
  return refuse("ValidationException",
                is_async ? "An endpoint with an AsyncInferenceConfig cannot be updated to one "
                           "without it; create another endpoint."
                         : "An endpoint without an AsyncInferenceConfig cannot be updated to one "
                           "with it; create another endpoint.");
}

Result<> change_queue(const service::Call& call, const invocation_queue::InvocationQueues& queues,
                      const routing::FleetId& id, routing::Generation generation,
                      const api::CreateEndpointConfigInput& config, const fleet::FleetPlan& plan) {
  if (!config.AsyncInferenceConfig()) return {};
  return queues.put_next(
      call.tx(), id.text,
      {.generation = generation, .settings = settings_of(config.AsyncInferenceConfig(), plan)});
}

}  // namespace slipway::sagemaker
