// Moving messages out of a dead letter queue.
#include <boost/json.hpp>

#include "base/encoding.h"
#include "service/sqs/operations.h"

namespace slipway::sqs {
namespace {

namespace json = boost::json;
using events::MessageMove;
using events::Queue;
using events::QueueId;

Result<Queue> queue_of(const SqsDoor& door, Call& call, std::string_view arn,
                       std::string_view parameter) {
  const auto id = id_of_arn(arn);
  if (!id)
    return bad_value(
        fmt::format("You must use this format to specify the {}: "
                    "arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
                    parameter));
  auto queue = door.queues.find(call.tx(), *id);
  if (queue) return queue;
  return refuse("ResourceNotFoundException",
                fmt::format("The resource that you specified for the {} parameter doesn't exist.",
                            parameter));
}

Result<std::uint32_t> in_range(std::string_view parameter, std::int32_t value, std::uint32_t most) {
  if (value < 1 || std::cmp_greater(value, most))
    return bad_value(
        fmt::format("Value {} for parameter {} is invalid. Reason: Must be between 1 and {}.",
                    value, parameter, most));
  return static_cast<std::uint32_t>(value);
}

std::string handle_of(const MessageMove& move) {
  return to_base64(
      json::serialize(json::object{{"taskId", move.id}, {"sourceArn", arn_of(move.source)}}));
}

struct Handle {
  std::string id;
  std::string source_arn;
};

Result<Handle> read_handle(std::string_view text) {
  const auto bad = bad_value("Value for parameter TaskHandle is invalid.");
  const auto plain = from_base64(text);
  if (!plain) return bad;
  boost::system::error_code error;
  const json::value parsed = json::parse(*plain, error);
  if (error || !parsed.is_object()) return bad;
  const json::value* id = parsed.as_object().if_contains("taskId");
  const json::value* arn = parsed.as_object().if_contains("sourceArn");
  if (!id || !id->is_string() || !arn || !arn->is_string()) return bad;
  return Handle{std::string(id->as_string()), std::string(arn->as_string())};
}

std::string_view status_of(const MessageMove& move) {
  switch (move.state) {
    case MessageMove::State::running: return "RUNNING";
    case MessageMove::State::completed: return "COMPLETED";
    case MessageMove::State::cancelled: return "CANCELLED";
    case MessageMove::State::failed: return "FAILED";
  }
  return "";
}

// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/, troubleshooting-dlq-redrive
std::string_view reason_of(MessageMove::Failure failure) {
  switch (failure) {
    case MessageMove::Failure::none: return "";
    case MessageMove::Failure::no_queue: return "AWS.SimpleQueueService.NonExistentQueue";
    case MessageMove::Failure::no_origin: return "CouldNotDetermineMessageSource";
    case MessageMove::Failure::too_slow: return "TimedOut";
  }
  return "";
}

void fill(Call& call, const MessageMove& move, api::ListMessageMoveTasksResultEntry out) {
  out.Status(status_of(move))
      .SourceArn(arn_of(move.source))
      .ApproximateNumberOfMessagesMoved(move.moved)
      .ApproximateNumberOfMessagesToMove(move.moved +
                                         events::MessageMoves::left_to_move(call.tx(), move))
      .StartedTimestamp(std::chrono::floor<std::chrono::milliseconds>(move.started.civil)
                            .time_since_epoch()
                            .count());
  if (move.state == MessageMove::State::running) out.TaskHandle(handle_of(move));
  if (move.target) out.DestinationArn(arn_of(*move.target));
  if (move.per_second > 0)
    out.MaxNumberOfMessagesPerSecond(static_cast<std::int32_t>(move.per_second));
  if (move.failure != MessageMove::Failure::none) out.FailureReason(reason_of(move.failure));
}

}  // namespace

std::string source_of_move(std::string_view task_handle) {
  auto handle = read_handle(task_handle);
  return handle ? std::move(handle->source_arn) : std::string();
}

Result<api::StartMessageMoveTaskResult> start_message_move_task(
    const SqsDoor& door, Call& call, api::StartMessageMoveTaskRequest in) {
  TRY(const Queue source, queue_of(door, call, in.SourceArn(), "SourceArn"));
  std::uint32_t per_second = 0;
  if (const auto rate = in.MaxNumberOfMessagesPerSecond()) {
    TRY(per_second, in_range("MaxNumberOfMessagesPerSecond", *rate, events::moved_per_second_max));
  }
  if (door.queues.list_sources(call.tx(), source.id, "", 1).empty())
    return bad_value("Source queue must be configured as a Dead Letter Queue.");
  std::optional<QueueId> target;
  if (const auto arn = in.DestinationArn(); arn && !arn->empty()) {
    TRY(const Queue queue, queue_of(door, call, *arn, "DestinationArn"));
    if (queue.id == source.id)
      return bad_value("Source queue arn and destination queue arn cannot be the same.");
    if (queue.settings.order != source.settings.order)
      return bad_value("The destination queue must be of the same type as the source queue.");
    target = queue.id;
  }
  auto move = door.moves.start(call.tx(), source, target, per_second, call.moment());
  if (!move && move.error().kind == "moving")
    move.error().message =
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time.";
  if (!move) return std::unexpected(std::move(move).error());
  return call.output<api::StartMessageMoveTaskResult>().TaskHandle(handle_of(*move));
}

Result<api::ListMessageMoveTasksResult> list_message_move_tasks(
    const SqsDoor& door, Call& call, api::ListMessageMoveTasksRequest in) {
  TRY(const Queue source, queue_of(door, call, in.SourceArn(), "SourceArn"));
  TRY(const std::uint32_t most,
      in_range("MaxResults", in.MaxResults().value_or(1), events::moves_listed_max));
  auto out = call.output<api::ListMessageMoveTasksResult>();
  out.Results(wire::empty);
  for (const MessageMove& move : events::MessageMoves::list(call.tx(), source.id, most))
    fill(call, move, out.add_Results());
  return out;
}

Result<api::CancelMessageMoveTaskResult> cancel_message_move_task(
    const SqsDoor& door, Call& call, api::CancelMessageMoveTaskRequest in) {
  TRY(const Handle handle, read_handle(in.TaskHandle()));
  TRY(const Queue source, queue_of(door, call, handle.source_arn, "SourceArn"));
  const auto move = events::MessageMoves::cancel(call.tx(), handle.id);
  // The caller was asked for its rights to the queue that the handle names: it must be the task's.
  if (!move || move->source != source.id)
    return refuse("ResourceNotFoundException", "Task does not exist.");
  return call.output<api::CancelMessageMoveTaskResult>().ApproximateNumberOfMessagesMoved(
      move->moved);
}

}  // namespace slipway::sqs
