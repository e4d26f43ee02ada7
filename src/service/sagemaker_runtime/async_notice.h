// What is said of an asynchronous inference that ended: the failure object's text, and the
// notification to the endpoint's topics.
#pragma once

#include <string>

#include "engine/events/topics.h"
#include "engine/invocation_queue/queue.h"
#include "service/errands.h"

namespace slipway::sagemaker_runtime {

// The response goes into the notification up to this size ("128 KB").
inline constexpr std::size_t notified_response_bytes_max = 128 * 1024;

// The door of the queue of requests: whether a request may be read and its result be stored, and
// who is told of it.
class AsyncNotices final : public invocation_queue::QueueDoor {
 public:
  // `topics` outlives this object.
  explicit AsyncNotices(const events::Topics& topics, service::LaterErrands errands = {})
      : topics_(topics), errands_(errands) {}

  Result<> may_read(store::Transaction& tx,
                    const invocation_queue::QueuedRequest& request) const override;
  Result<> may_store(store::Transaction& tx, const invocation_queue::QueuedRequest& request,
                     const objects::ObjectName& name) const override;
  std::string failure_text(const invocation_queue::Settled& settled) const override;
  // Where the topic is gone, or closed to those for whom results are stored, the notification is
  // lost and logged, as on AWS (NotificationFailures).
  void announce(store::Transaction& tx, const invocation_queue::Settled& settled) override;

 private:
  Result<> publish(store::Transaction& tx, const invocation_queue::Settled& settled,
                   std::string_view arn, std::string text) const;

  const events::Topics& topics_;
  const service::LaterErrands errands_;
};

// The notification's JSON. `response`: also what the container answered.
enum class WithResponse : std::uint8_t { no, yes };
std::string notification_text(const invocation_queue::Settled& settled, WithResponse response);

}  // namespace slipway::sagemaker_runtime
