// InvokeEndpointAsync: accepts a request for an endpoint with an AsyncInferenceConfig and answers
// once it is durable; the result comes later, as an object.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/fleet/fleet.h"
#include "engine/invocation_queue/queue.h"
#include "engine/routing/routes.h"
#include "gen/sagemaker.h"
#include "gen/sagemaker_runtime.h"
#include "service/call.h"
#include "service/errands.h"

namespace slipway::sagemaker_runtime {

// The API's (AsyncBodyBlob is in the model; these are its texts).
inline constexpr std::chrono::seconds request_ttl_default{21'600};
inline constexpr std::chrono::seconds invocation_timeout_default{900};

// What stands in invocation_queue::QueuedRequest::document: lines, since the first two come as
// headers and the others are service::Errands::remembered.
struct AsyncNote {
  std::string inference_id;
  std::string input_location = {};        // empty: the body came with the call
  std::string caller = {};                // where a variant has no role: for him the input is read
  std::vector<std::string> writers = {};  // for whom the results are stored, roles and others

  // For whom the input is read: the caller, and the roles among the writers. None: nobody is asked.
  std::vector<std::string> readers() const;

  std::string text() const;
  static AsyncNote from(std::string_view text);
};

// Puts requests that nobody waits for into the queue before their endpoint.
class AsyncInvocations {
 public:
  // All outlive this object.
  struct Needs {
    invocation_queue::RequestQueues& queues;
    const fleet::Fleets& fleets;
    const routing::RouteTable& routes;
    const service::Errands* errands = nullptr;  // null: who may what is not asked
  };
  explicit AsyncInvocations(const Needs& needs) : needs_(needs) {}

  // On the store's writer: the answer leaves when the request is durable. ValidationError where the
  // endpoint does not exist, has not served yet or is a real-time one, and where not exactly one of
  // Body and InputLocation is given. AccessDenied where the execution role, or the caller where
  // there is none, may not read the input, or the role not store the result and publish it.
  Result<aws::sagemaker_runtime::InvokeEndpointAsyncOutput> invoke(
      service::Call& call, aws::sagemaker_runtime::InvokeEndpointAsyncInput in) const;

 private:
  Result<invocation_queue::InvocationQueue> queue_of(const service::Call& call,
                                                     std::string_view endpoint) const;
  bool serves(const service::Call& call, const std::string& fleet) const;
  Result<> remember_for_whom(const service::Call& call,
                             const invocation_queue::InvocationQueue& queue, AsyncNote& note) const;
  Result<> expect_rights(const service::Call& call, const AsyncNote& note,
                         const aws::sagemaker::AsyncInferenceConfig& config,
                         const invocation_queue::QueuedRequest& request) const;

  const Needs needs_;
};

}  // namespace slipway::sagemaker_runtime
