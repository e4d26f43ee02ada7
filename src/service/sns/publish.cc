#include <boost/json.hpp>
#include <set>

#include "service/message_attributes.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

namespace json = boost::json;
using events::Channel;
using events::Notification;
using events::Order;

// docs.aws.amazon.com/sns/latest/api/API_Publish.html
constexpr std::size_t message_bytes_max = 262'144;
constexpr std::size_t subject_characters_max = 100;
constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t batch_entries_max = 10;
constexpr std::size_t batch_id_bytes_max = 80;

Result<> check_subject(std::string_view subject) {
  const bool plain = std::ranges::all_of(
      subject, [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
  const auto characters = std::ranges::count_if(
      subject, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  if (plain && characters <= std::int64_t{subject_characters_max} && !subject.empty()) return {};
  return invalid("Subject");
}

// MessageStructure "json": one text for each protocol, and "default" for the rest.
Result<> read_structure(std::string_view message, Notification& out) {
  boost::system::error_code error;
  const json::value value = json::parse({message.data(), message.size()}, error);
  if (error || !value.is_object())
    return invalid("Message Structure - JSON message body failed to parse");
  const auto text = [&](std::string_view name) -> const json::string* {
    const json::value* found = value.as_object().if_contains({name.data(), name.size()});
    return found ? found->if_string() : nullptr;
  };
  const json::string* all = text("default");
  if (!all) return invalid("Message Structure - No default entry in JSON message body");
  out.body = *all;
  if (const json::string* own = text("sqs")) out.other_bodies[Channel::queue] = *own;
  const json::string* http = text("http");
  if (!http) http = text("https");
  if (http) out.other_bodies[Channel::http] = *http;
  return {};
}

Result<> check_name(std::string_view name, std::string_view parameter) {
  const bool plain = std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
  if (plain && name.size() <= name_bytes_max) return {};
  return invalid(
      fmt::format("{} Reason: {} can only include alphanumeric and punctuation "
                  "characters and be 1 to {} in length",
                  parameter, parameter, name_bytes_max));
}

// What a FIFO topic must be told with each message; a batch that lacks it is refused as a whole.
template <typename Input>
Result<> require_order(const events::Topic& topic, const Input& in) {
  if (topic.settings.order != Order::strict) return {};
  if (in.MessageGroupId().value_or("").empty())
    return invalid("The MessageGroupId parameter is required for FIFO topics");
  if (in.MessageDeduplicationId().value_or("").empty() &&
      topic.settings.deduplication != events::Deduplication::by_content)
    return invalid(
        "The topic should either have ContentBasedDeduplication enabled or "
        "MessageDeduplicationId provided explicitly");
  return {};
}

template <typename Input>
Result<> read_order(const events::Topic& topic, const Input& in, Notification& out) {
  const bool strict = topic.settings.order == Order::strict;
  out.group = in.MessageGroupId().value_or("");
  out.deduplication = in.MessageDeduplicationId().value_or("");
  TRY_DO(check_name(out.group, "MessageGroupId"));
  TRY_DO(check_name(out.deduplication, "MessageDeduplicationId"));
  TRY_DO(require_order(topic, in));
  if (!strict && !out.deduplication.empty())
    return invalid(
        "MessageDeduplicationId Reason: The request includes MessageDeduplicationId "
        "parameter that is not valid for this topic type");
  return {};
}

template <typename Input>
Result<Notification> read_notification(const events::Topic& topic, const Input& in) {
  Notification out{.body = std::string(in.Message())};
  if (out.body.empty()) return invalid("Empty message");
  if (out.body.size() > message_bytes_max) return invalid("Message too long");
  if (!service::is_message_text(out.body)) return invalid("Message contains invalid characters");
  if (in.Subject()) {
    TRY_DO(check_subject(*in.Subject()));
    out.subject = *in.Subject();
  }
  if (in.MessageStructure()) {
    if (*in.MessageStructure() != "json")
      return invalid(fmt::format("MessageStructure Reason: Invalid MessageStructure: {}",
                                 *in.MessageStructure()));
    TRY_DO(read_structure(in.Message(), out));
  }
  TRY(out.attributes, service::read_attributes(in.MessageAttributes()));
  TRY_DO(read_order(topic, in, out));
  return out;
}

template <typename Input>
Result<events::Published> publish_one(const Door& door, Call& call, const events::Topic& topic,
                                      const Input& in) {
  TRY(const Notification notification, read_notification(topic, in));
  return door.topics.publish(call.tx(), topic.id, notification, call.moment());
}

Result<events::Topic> find(const Door& door, Call& call, std::string_view arn) {
  TRY(const events::TopicId id, topic_of_arn(arn));
  return door.topics.find(call.tx(), id);
}

bool is_batch_id(std::string_view id) {
  return !id.empty() && id.size() <= batch_id_bytes_max && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

Result<> check_batch(const wire::ListView<api::PublishBatchRequestEntry>& entries) {
  if (entries.empty())
    return refuse("EmptyBatchRequestException", "The batch request doesn't contain any entries.");
  if (entries.size() > batch_entries_max)
    return refuse("TooManyEntriesInBatchRequestException",
                  "The batch request contains more entries than permissible.");
  std::set<std::string_view> ids;
  std::size_t bytes = 0;
  for (const auto entry : entries) {
    if (!is_batch_id(entry.Id()))
      return refuse("InvalidBatchEntryIdException",
                    "The Id of a batch entry in a batch request doesn't abide by the "
                    "specification.");
    if (!ids.insert(entry.Id()).second)
      return refuse("BatchEntryIdsNotDistinctException",
                    "Two or more batch entries in the request have the same Id.");
    bytes += entry.Message().size();
  }
  if (bytes <= message_bytes_max) return {};
  return refuse("BatchRequestTooLongException",
                "The length of all the batch messages put together is more than the limit.");
}

}  // namespace

Result<api::PublishResponse> publish(const Door& door, Call& call, api::PublishInput in) {
  if (in.PhoneNumber())
    return std::unexpected(
        Error{ErrorCode::not_implemented, "Slipway sends no text messages: publish to a topic."});
  const auto arn = in.TopicArn() ? in.TopicArn() : in.TargetArn();
  if (!arn) return invalid("TopicArn or TargetArn Reason: no value for required parameter");
  TRY(const events::Topic topic, find(door, call, *arn));
  TRY(const events::Published published, publish_one(door, call, topic, in));
  auto out = call.output<api::PublishResponse>();
  out.MessageId(published.id);
  if (topic.settings.order == Order::strict) out.SequenceNumber(sequence_text(published.sequence));
  return out;
}

Result<api::PublishBatchResponse> publish_batch(const Door& door, Call& call,
                                                api::PublishBatchInput in) {
  TRY(const events::Topic topic, find(door, call, in.TopicArn()));
  TRY_DO(check_batch(in.PublishBatchRequestEntries()));
  for (const auto entry : in.PublishBatchRequestEntries()) TRY_DO(require_order(topic, entry));
  auto out = call.output<api::PublishBatchResponse>();
  out.Successful(wire::empty).Failed(wire::empty);
  for (const auto entry : in.PublishBatchRequestEntries()) {
    const auto published = publish_one(door, call, topic, entry);
    if (!published) {
      out.add_Failed()
          .Id(entry.Id())
          .SenderFault(true)
          .Code(published.error().kind == "InvalidParameterValueException" ? "ParameterValueInvalid"
                                                                           : "InvalidParameter")
          .Message(published.error().message);
      continue;
    }
    auto item = out.add_Successful().Id(entry.Id()).MessageId(published->id);
    if (topic.settings.order == Order::strict)
      item.SequenceNumber(sequence_text(published->sequence));
  }
  return out;
}

}  // namespace slipway::sns
