#include <algorithm>

#include "service/sqs/batch.h"
#include "service/sqs/digest.h"
#include "service/sqs/operations.h"

namespace slipway::sqs {
namespace {

using events::Attribute;
using events::Queue;
using events::ReceivedMessage;
using std::chrono::seconds;

constexpr std::int32_t wait_seconds_max = 20;
constexpr std::int32_t visibility_seconds_max = 43'200;
// Who sent what a topic sent: SNS's own id, as messages on AWS have it.
constexpr std::string_view topics_id = "AIDAIT2UOQQY3AUEKVGXU";
constexpr std::uint64_t sequence_base = 10'000'000'000'000'000'000ULL;  // send.cc

Result<> check_range(std::string_view parameter, std::optional<std::int32_t> value,
                     std::int32_t most) {
  if (!value || (*value >= 0 && *value <= most)) return {};
  return bad_value(
      fmt::format("Value {} for parameter {} is invalid. Reason: Must be >= 0 and <= "
                  "{}, if provided.",
                  *value, parameter, most));
}

std::string milliseconds_text(Timestamp time) {
  return fmt::to_string(
      std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count());
}

// A message's system attributes by AWS's names; nothing where it has none of that name.
std::optional<std::string> system_attribute(const Queue& queue, const ReceivedMessage& message,
                                            std::string_view name) {
  const bool strict = queue.settings.order == events::DeliveryOrder::strict;
  if (name == "SenderId") return message.sender.empty() ? std::string(topics_id) : message.sender;
  if (name == "SentTimestamp") return milliseconds_text(message.sent);
  if (name == "ApproximateReceiveCount") return fmt::to_string(message.receives);
  if (name == "ApproximateFirstReceiveTimestamp") return milliseconds_text(message.first_received);
  if (strict && name == "SequenceNumber")
    return fmt::to_string(sequence_base + static_cast<std::uint64_t>(message.sequence));
  if (strict && name == "MessageDeduplicationId") return message.deduplication;
  if (name == "MessageGroupId" && !message.group.empty()) return message.group;
  if (name == "DeadLetterQueueSourceArn" && !message.came_from.empty())
    return arn_of({message.came_from});
  const auto own = std::ranges::find(message.system_attributes, name, &Attribute::name);
  if (own != message.system_attributes.end()) return own->value;
  return std::nullopt;
}

constexpr std::string_view system_names[] = {"SenderId",
                                             "SentTimestamp",
                                             "ApproximateReceiveCount",
                                             "ApproximateFirstReceiveTimestamp",
                                             "SequenceNumber",
                                             "MessageDeduplicationId",
                                             "MessageGroupId",
                                             "AWSTraceHeader",
                                             "DeadLetterQueueSourceArn"};

// Which attributes a receive asks for.
class Wanted {
 public:
  static Result<Wanted> read(const api::ReceiveMessageRequest& in) {
    Wanted out;
    for (const auto& list : {in.AttributeNames(), in.MessageSystemAttributeNames()})
      for (const std::string_view name : list) {
        if (name != "All" && std::ranges::find(system_names, name) == std::end(system_names))
          return refuse("InvalidAttributeName", fmt::format("Unknown Attribute {}.", name));
        out.system_.push_back(name);
      }
    for (const std::string_view name : in.MessageAttributeNames()) out.own_.push_back(name);
    return out;
  }

  bool system(std::string_view name) const {
    return std::ranges::any_of(system_, [&](auto each) { return each == "All" || each == name; });
  }
  // "All", "*", ".*", a name, or a beginning of names: "bar.*".
  bool own(std::string_view name) const {
    return std::ranges::any_of(own_, [&](std::string_view each) {
      if (each == "All" || each == "*" || each == name) return true;
      return each.ends_with(".*") && name.starts_with(each.substr(0, each.size() - 2));
    });
  }

 private:
  std::vector<std::string_view> system_;
  std::vector<std::string_view> own_;
};

void fill(const Queue& queue, const ReceivedMessage& message, const Wanted& wanted,
          api::Message out) {
  out.MessageId(message.id)
      .ReceiptHandle(message.receipt)
      .MD5OfBody(md5_hex(message.body))
      .Body(message.body);
  for (const std::string_view name : system_names)
    if (wanted.system(name))
      if (const auto value = system_attribute(queue, message, name))
        out.put_Attributes(name, *value);
  // The digest is of what is returned, so that the client can compare it.
  events::Attributes returned;
  for (const Attribute& each : message.attributes)
    if (wanted.own(each.name)) returned.push_back(each);
  if (returned.empty()) return;
  out.MD5OfMessageAttributes(md5_hex(returned));
  for (const Attribute& each : returned) {
    auto value = out.put_MessageAttributes(each.name).DataType(each.type);
    if (each.form == Attribute::Form::binary)
      value.BinaryValue(wire::Blob{each.value});
    else
      value.StringValue(each.value);
  }
}

Result<events::ReceiveRequest> read_request(const api::ReceiveMessageRequest& in) {
  const std::int32_t most = in.MaxNumberOfMessages().value_or(1);
  if (most < 1 || most > std::int32_t{events::receive_messages_max})
    return bad_value(
        fmt::format("Value {} for parameter MaxNumberOfMessages is invalid. Reason: "
                    "Must be between 1 and {}, if provided.",
                    most, events::receive_messages_max));
  TRY_DO(check_range("WaitTimeSeconds", in.WaitTimeSeconds(), wait_seconds_max));
  TRY_DO(check_range("VisibilityTimeout", in.VisibilityTimeout(), visibility_seconds_max));
  events::ReceiveRequest out{.messages_max = static_cast<std::size_t>(most),
                             .attempt = std::string(in.ReceiveRequestAttemptId().value_or(""))};
  TRY_DO(check_token(out.attempt, "ReceiveRequestAttemptId"));
  if (in.VisibilityTimeout()) out.visibility = seconds(*in.VisibilityTimeout());
  return out;
}

seconds wait_of(const Queue& queue, const api::ReceiveMessageRequest& in) {
  return in.WaitTimeSeconds() ? seconds(*in.WaitTimeSeconds()) : queue.settings.wait;
}

// Nothing there: the answer waits for a message to be sent or to be visible again.
void wait_for_more(const SqsDoor& door, Call& call, const Queue& queue,
                   const api::ReceiveMessageRequest& in) {
  const seconds wait = wait_of(queue, in);
  if (wait == seconds(0)) return;
  Call::Poll poll{.topic = events::topic_of(queue.id), .time_max = wait};
  if (const auto next = door.queues.next_visible(call.tx(), queue, call.moment()))
    poll.look_again = *next - call.moment().server;
  call.poll(std::move(poll));
}

Result<> with_receipt(Result<> done, std::string_view receipt) {
  if (done) return done;
  Error error = std::move(done).error();
  if (error.kind == "bad_receipt")
    error.message =
        fmt::format("The input receipt handle \"{}\" is not a valid receipt handle.", receipt);
  else if (error.kind == "not_in_flight" || error.kind == "old_receipt")
    error.message = fmt::format(
        "Value {} for parameter ReceiptHandle is invalid. Reason: {}", receipt,
        error.kind == "old_receipt"
            ? "The receipt handle has expired"
            : "Message does not exist or is not available for visibility timeout change.");
  else if (error.kind == "hidden_too_long")
    error.message =
        fmt::format("Value for parameter VisibilityTimeout is invalid. Reason: {}.", error.message);
  return std::unexpected(std::move(error));
}

Result<> remove(const SqsDoor& door, Call& call, const Queue& queue, std::string_view receipt) {
  if (receipt.empty()) return missing("ReceiptHandle");
  return with_receipt(door.queues.remove_message(call.tx(), queue, receipt, call.moment()),
                      receipt);
}

Result<> change(const SqsDoor& door, Call& call, const Queue& queue, std::string_view receipt,
                std::optional<std::int32_t> visibility) {
  if (receipt.empty()) return missing("ReceiptHandle");
  if (!visibility) return missing("VisibilityTimeout");
  TRY_DO(check_range("VisibilityTimeout", visibility, visibility_seconds_max));
  return with_receipt(
      door.queues.change_visibility(call.tx(), queue, receipt, seconds(*visibility), call.moment()),
      receipt);
}

}  // namespace

void fill_failure(const Error& error, std::string_view id, api::BatchResultErrorEntry out) {
  const wire::ErrorAnswer answer = to_wire(error, api::schema().service, error_table());
  std::string_view code = answer.code;
  if (code.ends_with("Exception")) code.remove_suffix(std::string_view("Exception").size());
  out.Id(id).SenderFault(answer.status < 500).Code(code).Message(answer.message);
}

Result<api::ReceiveMessageResult> receive_message(const SqsDoor& door, Call& call,
                                                  api::ReceiveMessageRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  TRY(events::ReceiveRequest request, read_request(in));
  // Only a short poll is told (SQSDeveloperGuide, quotas-messages).
  if (wait_of(queue, in) > seconds(0)) request.at_limit = events::ReceiveRequest::AtLimit::nothing;
  TRY(const Wanted wanted, Wanted::read(in));
  TRY(const auto messages, door.queues.receive(call.tx(), queue, request, call.moment()));
  auto out = call.output<api::ReceiveMessageResult>();
  for (const ReceivedMessage& message : messages) fill(queue, message, wanted, out.add_Messages());
  if (messages.empty()) wait_for_more(door, call, queue, in);
  return out;
}

Result<> delete_message(const SqsDoor& door, Call& call, api::DeleteMessageRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  return remove(door, call, queue, in.ReceiptHandle());
}

Result<api::DeleteMessageBatchResult> delete_message_batch(const SqsDoor& door, Call& call,
                                                           api::DeleteMessageBatchRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  TRY_DO(check_batch(in.Entries(), "DeleteMessageBatchRequestEntry"));
  auto out = call.output<api::DeleteMessageBatchResult>();
  out.Successful(wire::empty).Failed(wire::empty);
  for (const auto entry : in.Entries()) {
    if (const auto done = remove(door, call, queue, entry.ReceiptHandle()); !done)
      fill_failure(done.error(), entry.Id(), out.add_Failed());
    else
      out.add_Successful().Id(entry.Id());
  }
  return out;
}

Result<> change_message_visibility(const SqsDoor& door, Call& call,
                                   api::ChangeMessageVisibilityRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  return change(door, call, queue, in.ReceiptHandle(), in.VisibilityTimeout());
}

Result<api::ChangeMessageVisibilityBatchResult> change_message_visibility_batch(
    const SqsDoor& door, Call& call, api::ChangeMessageVisibilityBatchRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  TRY_DO(check_batch(in.Entries(), "ChangeMessageVisibilityBatchRequestEntry"));
  auto out = call.output<api::ChangeMessageVisibilityBatchResult>();
  out.Successful(wire::empty).Failed(wire::empty);
  for (const auto entry : in.Entries()) {
    if (const auto done =
            change(door, call, queue, entry.ReceiptHandle(), entry.VisibilityTimeout());
        !done)
      fill_failure(done.error(), entry.Id(), out.add_Failed());
    else
      out.add_Successful().Id(entry.Id());
  }
  return out;
}

}  // namespace slipway::sqs
