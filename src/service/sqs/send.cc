#include "engine/identity/sessions.h"
#include "service/message_attributes.h"
#include "service/sqs/attributes.h"
#include "service/sqs/batch.h"
#include "service/sqs/digest.h"
#include "service/sqs/operations.h"

namespace slipway::sqs {
namespace {

using events::Attribute;
using events::DeliveryOrder;
using events::OutgoingMessage;
using events::Queue;

constexpr std::size_t attributes_max = 10;
constexpr std::int32_t delay_seconds_max = 900;
constexpr std::string_view trace_attribute = "AWSTraceHeader";
// What is added to the engine's sequence so that it has the 20 digits that AWS's has.
constexpr std::uint64_t sequence_base = 10'000'000'000'000'000'000ULL;

std::string sequence_text(std::int64_t sequence) {
  return fmt::to_string(sequence_base + static_cast<std::uint64_t>(sequence));
}

// What a FIFO queue must be told with each message; a batch that lacks it is refused as a whole.
template <typename Entry>
Result<> require_order(const Queue& queue, const Entry& in) {
  if (queue.settings.order != DeliveryOrder::strict) return {};
  if (in.MessageGroupId().value_or("").empty()) return missing("MessageGroupId");
  if (in.MessageDeduplicationId().value_or("").empty() &&
      queue.settings.deduplication != events::Deduplication::by_content)
    return bad_value(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly");
  return {};
}

template <typename Entry>
Result<> read_order(const Queue& queue, const Entry& in, OutgoingMessage& out) {
  const bool strict = queue.settings.order == DeliveryOrder::strict;
  out.group = in.MessageGroupId().value_or("");
  out.deduplication = in.MessageDeduplicationId().value_or("");
  TRY_DO(check_token(out.group, "MessageGroupId"));
  TRY_DO(check_token(out.deduplication, "MessageDeduplicationId"));
  if (!strict && in.MessageDeduplicationId())
    return bad_value(
        fmt::format("Value {} for parameter MessageDeduplicationId is invalid. Reason: The request "
                    "includes a parameter that is not valid for this queue type.",
                    out.deduplication));
  return require_order(queue, in);
}

Result<> read_delay(const Queue& queue, std::optional<std::int32_t> given, OutgoingMessage& out) {
  if (!given) return {};
  if (*given < 0 || *given > delay_seconds_max)
    return bad_value(
        fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: "
                    "DelaySeconds must be >= 0 and <= {}.",
                    *given, delay_seconds_max));
  if (queue.settings.order == DeliveryOrder::strict) {
    // A FIFO queue delays all its messages alike; AWS takes a zero and refuses the rest.
    if (*given == 0) return {};
    return bad_value(
        fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: The "
                    "request include parameter that is not valid for this queue type.",
                    *given));
  }
  out.delay = std::chrono::seconds(*given);
  return {};
}

// Nobody's has a name too: a message without a sender is a topic's.
std::string sender_of(const Call& call) {
  std::string id = identity::user_id(call.caller().principal);
  return id.empty() ? "Anonymous" : id;
}

// Of these there is one.
template <typename Entry>
Result<std::vector<Attribute>> read_system_attributes(const Call& call, const Entry& in) {
  std::vector<Attribute> out;
  for (const auto& [name, value] : in.MessageSystemAttributes()) {
    const std::string_view text = value.StringValue().value_or("");
    if (name != trace_attribute || value.DataType() != "String")
      return bad_value(fmt::format("Message system attribute name '{}' is invalid.", name));
    if (!service::is_message_text(text))
      return bad_value(
          fmt::format("The message system attribute '{}' contains invalid characters.", name));
    out.push_back({.name = std::string(name), .type = "String", .value = std::string(text)});
  }
  // A tracing client says it in a header (X-Ray's "Amazon SQS and AWS X-Ray").
  if (const std::string_view trace = service::trace_of(call); !trace.empty() && out.empty())
    out.push_back(
        {.name = std::string(trace_attribute), .type = "String", .value = std::string(trace)});
  return out;
}

template <typename Entry>
Result<OutgoingMessage> read_message(const Call& call, const Queue& queue, const Entry& in) {
  OutgoingMessage out{.body = std::string(in.MessageBody()), .sender = sender_of(call)};
  if (out.body.empty()) return missing("MessageBody");
  if (!service::is_message_text(out.body))
    return refuse("InvalidMessageContents",
                  "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 "
                  "to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF");
  if (in.MessageAttributes().size() > attributes_max)
    return bad_value(
        fmt::format("Number of message attributes [{}] exceeds the allowed maximum "
                    "[{}].",
                    in.MessageAttributes().size(), attributes_max));
  TRY(out.attributes,
      service::read_attributes(in.MessageAttributes(), service::AttributeWords::queues));
  TRY(out.system_attributes, read_system_attributes(call, in));
  TRY_DO(read_delay(queue, in.DelaySeconds(), out));
  TRY_DO(read_order(queue, in, out));
  return out;
}

template <typename Entry, typename Answer>
void fill(const Queue& queue, const Entry& in, const OutgoingMessage& message,
          const events::Sent& sent, Answer& out) {
  out.MessageId(sent.id).MD5OfMessageBody(md5_hex(message.body));
  if (!message.attributes.empty()) out.MD5OfMessageAttributes(md5_hex(message.attributes));
  if (!in.MessageSystemAttributes().empty())
    out.MD5OfMessageSystemAttributes(md5_hex(message.system_attributes));
  if (queue.settings.order == DeliveryOrder::strict)
    out.SequenceNumber(sequence_text(sent.sequence));
}

std::size_t bytes_of(const api::SendMessageBatchRequestEntry& entry) {
  std::size_t bytes = entry.MessageBody().size();
  for (const auto& [name, value] : entry.MessageAttributes()) {
    const auto binary = value.BinaryValue();
    bytes += name.size() + value.DataType().size() + value.StringValue().value_or("").size() +
             (binary ? binary->bytes.size() : 0);
  }
  return bytes;
}

Result<> send_entry(const SqsDoor& door, Call& call, const Queue& queue,
                    const api::SendMessageBatchRequestEntry& entry,
                    api::SendMessageBatchResult& out) {
  TRY(const OutgoingMessage message, read_message(call, queue, entry));
  TRY(const events::Sent sent, door.queues.send(call.tx(), queue, message, call.moment()));
  auto item = out.add_Successful();
  fill(queue, entry, message, sent, item.Id(entry.Id()));
  return {};
}

}  // namespace

Result<api::SendMessageResult> send_message(const SqsDoor& door, Call& call,
                                            api::SendMessageRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  TRY_DO(check_key(queue.settings));
  TRY(const OutgoingMessage message, read_message(call, queue, in));
  TRY(const events::Sent sent, door.queues.send(call.tx(), queue, message, call.moment()));
  auto out = call.output<api::SendMessageResult>();
  fill(queue, in, message, sent, out);
  return out;
}

Result<api::SendMessageBatchResult> send_message_batch(const SqsDoor& door, Call& call,
                                                       api::SendMessageBatchRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  TRY_DO(check_key(queue.settings));
  TRY_DO(check_batch(in.Entries(), "SendMessageBatchRequestEntry"));
  std::size_t bytes = 0;
  for (const auto entry : in.Entries()) {
    if (auto told = require_order(queue, entry); !told)
      return bad_value(std::move(told).error().message);  // also for what is missing
    bytes += bytes_of(entry);
  }
  if (bytes > batch_bytes_max)
    return refuse("BatchRequestTooLong",
                  fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} "
                              "bytes.",
                              batch_bytes_max, bytes));
  auto out = call.output<api::SendMessageBatchResult>();
  out.Successful(wire::empty).Failed(wire::empty);
  for (const auto entry : in.Entries())
    if (const auto sent = send_entry(door, call, queue, entry, out); !sent)
      fill_failure(sent.error(), entry.Id(), out.add_Failed());
  return out;
}

}  // namespace slipway::sqs
