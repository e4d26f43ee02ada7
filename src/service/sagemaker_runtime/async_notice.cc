#include "service/sagemaker_runtime/async_notice.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/objects/uri.h"
#include "gen/sagemaker.h"
#include "service/arn.h"
#include "service/sagemaker_runtime/async.h"
#include "wire/document.h"

namespace slipway::sagemaker_runtime {
namespace {

namespace json = boost::json;
using invocation_queue::QueueFailure;
using invocation_queue::Settled;

// "account/region/endpoint", as service::resource_key made it.
struct Endpoint {
  std::string_view account;
  std::string_view region;
  std::string_view name;
};
Endpoint endpoint_of(std::string_view fleet) {
  Endpoint endpoint;
  endpoint.account = take_until(fleet, '/');
  endpoint.region = take_until(fleet, '/');
  endpoint.name = fleet;
  return endpoint;
}

std::optional<events::TopicId> topic_of(std::string_view text) {
  const auto arn = service::parse_arn(text);
  if (!arn || arn->service != "sns") return std::nullopt;
  return events::TopicId{arn->key()};
}

// The first is AWS's as seen (a container that answered 500); the others say in its manner what
// AWS's text for them, which is not known, would have to say.
std::string reason_of(const Settled& settled) {
  switch (settled.failure.value()) {
    case QueueFailure::refused:
      return fmt::format(
          "ClientError: Received {} error ({}) from model. See the SageMaker "
          "Endpoint logs in your account for more information.",
          settled.status < 500 ? "client" : "server", settled.status);
    case QueueFailure::timeout:
      return "ClientError: Your invocation timed out while waiting for a response from container "
             "primary. Review the latency metrics for each container in Amazon CloudWatch, resolve "
             "the issue, and try again.";
    case QueueFailure::expired:
      return "ClientError: The request expired: it stood in the queue for longer than its "
             "RequestTTLSeconds.";
    case QueueFailure::closed:
      return "ClientError: The endpoint was deleted before the request was processed.";
    case QueueFailure::no_input:
      return fmt::format("ClientError: Failed to download the input from {}: {}",
                         AsyncNote::from(settled.request.document).input_location, settled.detail);
    case QueueFailure::input_too_large:
      return fmt::format("ClientError: The input is too large. {}", settled.detail);
    case QueueFailure::broken:
      return fmt::format("InternalServerError: Received server error (0) from model: {}",
                         settled.detail);
    case QueueFailure::answer_too_large:
      return fmt::format("ClientError: The response is too large. {}", settled.detail);
    case QueueFailure::no_output:
      return fmt::format("ClientError: Failed to upload the response. {}", settled.detail);
  }
  return {};
}

json::object response_body(const std::string& bytes) {
  if (is_utf8(bytes)) return {{"content", bytes}, {"encoding", "UTF-8"}};
  return {{"content", to_base64(bytes)}, {"encoding", "BASE64"}};
}

bool wants_response(const aws::sagemaker::AsyncInferenceNotificationConfig& config,
                    std::string_view topic) {
  return std::ranges::any_of(config.IncludeInferenceResponseIn(),
                             [&](std::string_view each) { return each == topic; });
}

}  // namespace

// The members are AWS's (contract, section 10); `responseBody` with its `encoding` is written as
// data capture writes a body, since AWS's own form of it is not known.
std::string notification_text(const Settled& settled, WithResponse response) {
  const Endpoint endpoint = endpoint_of(settled.queue.fleet);
  const AsyncNote note = AsyncNote::from(settled.request.document);
  json::object asked{{"endpointName", endpoint.name}};
  if (!settled.request.content_type.empty()) asked["contentType"] = settled.request.content_type;
  if (!note.input_location.empty()) asked["inputLocation"] = note.input_location;
  json::object answered;
  if (!settled.content_type.empty()) answered["contentType"] = settled.content_type;
  if (!settled.failure)
    answered["outputLocation"] = objects::uri_of(settled.request.output);
  else if (settled.request.failure)
    answered["failureLocation"] = objects::uri_of(*settled.request.failure);

  json::object notice{
      {"awsRegion", endpoint.region},
      {"eventTime", to_iso8601(settled.at.civil, Fraction::milliseconds)},
      {"receivedTime", to_iso8601(settled.request.accepted.civil, Fraction::milliseconds)},
      {"invocationStatus", settled.failure ? "Failed" : "Completed"}};
  if (settled.failure) notice["failureReason"] = reason_of(settled);
  notice["requestParameters"] = std::move(asked);
  if (!answered.empty()) notice["responseParameters"] = std::move(answered);
  if (response == WithResponse::yes && settled.answer &&
      settled.answer->size() <= notified_response_bytes_max)
    notice["responseBody"] = response_body(*settled.answer);
  notice["inferenceId"] = note.inference_id;
  notice["eventVersion"] = "1.0";
  notice["eventSource"] = "aws:sagemaker";
  notice["eventName"] = "InferenceResult";
  return json::serialize(notice);
}

std::string AsyncNotices::failure_text(const Settled& settled) const { return reason_of(settled); }

Result<> AsyncNotices::may_read(store::Transaction& tx,
                                const invocation_queue::QueuedRequest& request) const {
  if (!request.input) return {};
  for (const std::string& reader : AsyncNote::from(request.document).readers())
    TRY_DO(errands_.check(tx, reader, service::read_object(*request.input)));
  return {};
}

Result<> AsyncNotices::may_store(store::Transaction& tx,
                                 const invocation_queue::QueuedRequest& request,
                                 const objects::ObjectName& name) const {
  for (const std::string& writer : AsyncNote::from(request.document).writers)
    TRY_DO(errands_.check(tx, writer, service::write_object(name)));
  return {};
}

Result<> AsyncNotices::publish(store::Transaction& tx, const Settled& settled, std::string_view arn,
                               std::string text) const {
  const auto topic = topic_of(arn);
  if (!topic) return fail(ErrorCode::invalid_argument, "it is no ARN of a topic");
  for (const std::string& writer : AsyncNote::from(settled.request.document).writers)
    TRY_DO(errands_.check(tx, writer, service::publish(arn)));
  TRY_DO(topics_.publish(tx, *topic, {.body = std::move(text)}, settled.at));
  return {};
}

void AsyncNotices::announce(store::Transaction& tx, const Settled& settled) {
  if (settled.queue.settings.document.find("Topic") == std::string::npos) return;
  wire::Arena arena;
  const auto config =
      wire::from_json<aws::sagemaker::AsyncInferenceConfig>(settled.queue.settings.document, arena);
  if (!config) return;
  const auto wanted = config->OutputConfig().NotificationConfig();
  const auto arn = settled.failure ? wanted.ErrorTopic() : wanted.SuccessTopic();
  if (!arn || arn->empty()) return;
  const bool response = wants_response(
      wanted, settled.failure ? "ERROR_NOTIFICATION_TOPIC" : "SUCCESS_NOTIFICATION_TOPIC");
  const Result<> published =
      publish(tx, settled, *arn,
              notification_text(settled, response ? WithResponse::yes : WithResponse::no));
  if (!published)
    log_warning("sagemaker_runtime", "a notification is lost",
                {{"topic", std::string(*arn)}, {"cause", published.error().message}});
}

}  // namespace slipway::sagemaker_runtime
