#include <any>
#include <boost/json.hpp>
#include <memory>
#include <set>
#include <span>

#include "engine/events/unsent.h"
#include "service/message_attributes.h"
#include "service/sns/mobile.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

namespace json = boost::json;
using events::Channel;
using events::DeliveryOrder;
using events::Notification;

// docs.aws.amazon.com/sns/latest/api/API_Publish.html
constexpr std::size_t message_bytes_max = 262'144;
constexpr std::size_t text_message_bytes_max = 1'600;
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

// What a message to one telephone or device has no need of: the text for everybody else.
enum class Default : std::uint8_t { required, optional };

// MessageStructure "json": one text for each protocol, and "default" for the rest.
Result<> read_structure(std::string_view message, Default needed, Notification& out) {
  boost::system::error_code error;
  const json::value value = json::parse({message.data(), message.size()}, error);
  if (error || !value.is_object())
    return invalid("Message Structure - JSON message body failed to parse");
  const auto text = [&](std::string_view name) -> const json::string* {
    const json::value* found = value.as_object().if_contains({name.data(), name.size()});
    return found ? found->if_string() : nullptr;
  };
  const json::string* all = text("default");
  if (!all && needed == Default::required)
    return invalid("Message Structure - No default entry in JSON message body");
  if (all) out.body = *all;
  constexpr std::pair<std::string_view, Channel> own_names[] = {
      {"sqs", Channel::queue}, {"http", Channel::http},  {"https", Channel::http},
      {"sms", Channel::text},  {"email", Channel::mail}, {"email-json", Channel::mail_json}};
  for (const auto& [name, channel] : own_names)
    if (const json::string* own = text(name))
      out.other_bodies.emplace(channel, std::string_view(*own));
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
  if (topic.settings.order != DeliveryOrder::strict) return {};
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
  const bool strict = topic.settings.order == DeliveryOrder::strict;
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

// The bytes that count towards the limit: the text, and names, types and values of attributes.
template <typename Input>
std::size_t bytes_of(const Input& in) {
  std::size_t bytes = in.Message().size();
  for (const auto& [name, value] : in.MessageAttributes()) {
    const auto binary = value.BinaryValue();
    bytes += name.size() + value.DataType().size() + value.StringValue().value_or("").size() +
             (binary ? binary->bytes.size() : 0);
  }
  return bytes;
}

// All that is the same whomever it is for.
template <typename Input>
Result<Notification> read_content(const Call& call, const Input& in, Default needed) {
  Notification out{.body = std::string(in.Message())};
  if (in.Subject()) {
    TRY_DO(check_subject(*in.Subject()));
    out.subject = *in.Subject();
  }
  if (out.body.empty()) return invalid("Empty message");
  TRY(out.attributes,
      service::read_attributes(in.MessageAttributes(), service::AttributeWords::topics));
  if (bytes_of(in) > message_bytes_max) return invalid("Message too long");
  if (!service::is_message_text(out.body)) return invalid("Message contains invalid characters");
  if (in.MessageStructure()) {
    if (*in.MessageStructure() != "json")
      return invalid(fmt::format("MessageStructure Reason: Invalid MessageStructure: {}",
                                 *in.MessageStructure()));
    TRY_DO(read_structure(in.Message(), needed, out));
  }
  out.trace = service::trace_of(call);
  return out;
}

template <typename Input>
Result<Notification> read_notification(const Call& call, const events::Topic& topic,
                                       const Input& in) {
  TRY(Notification out, read_content(call, in, Default::required));
  TRY_DO(read_order(topic, in, out));
  return out;
}

// AWS asks for a topic's key with each message. Its own key is there for everybody; any other would
// be one of KMS, and so there is none.
Result<> check_key(const events::Topic& topic) {
  constexpr std::string_view own_key = "alias/aws/sns";
  const auto key = topic.settings.notes.find("KmsMasterKeyId");
  if (key == topic.settings.notes.end() || key->second.ends_with(own_key)) return {};
  return refuse("KMSNotFoundException",
                fmt::format("Slipway has no keys of KMS: '{}' is not found.", key->second));
}

Result<events::Topic> find(const SnsDoor& door, Call& call, std::string_view arn) {
  TRY(const events::TopicId id, topic_of_arn(call, arn));
  TRY(events::Topic topic, door.topics.find(call.tx(), id));
  TRY_DO(check_key(topic));
  return topic;
}

// Says in the log, once the call is answered for, that a message was not sent.
std::string leave_unsent(Call& call, Channel channel, std::string_view endpoint,
                         std::size_t bytes) {
  events::UnsentMessage message{.channel = channel,
                                .endpoint = std::string(endpoint),
                                .id = make_uuid(call.random()),
                                .bytes = bytes};
  std::string id = message.id;
  call.tx().on_commit([message = std::move(message)] { log_unsent(message); });
  return id;
}

Result<api::PublishResponse> publish_to_number(Call& call, const api::PublishInput& in) {
  const std::string_view number = *in.PhoneNumber();
  TRY(const Notification content, read_content(call, in, Default::optional));
  if (!is_phone_number(number))
    return invalid(fmt::format("PhoneNumber Reason: {} is not valid to publish to", number));
  if (content.body.size() > text_message_bytes_max) return invalid("Message too long");
  return call.output<api::PublishResponse>().MessageId(
      leave_unsent(call, Channel::text, number, content.body.size()));
}

Result<api::PublishResponse> publish_to_device(const SnsDoor& door, Call& call,
                                               const api::PublishInput& in) {
  TRY(const std::string id, device_of_arn(call, *in.TargetArn()));
  const auto device = door.mobile.find_device(call.tx(), id);
  if (!device) return invalid("TargetArn Reason: No endpoint found for the target arn specified");
  // AWS was recorded to say this of a text that it would refuse too.
  if (device->state == events::PushDevice::State::disabled)
    return refuse("EndpointDisabledException", "Endpoint is disabled");
  TRY(const Notification content, read_content(call, in, Default::optional));
  return call.output<api::PublishResponse>().MessageId(
      leave_unsent(call, Channel::device, id, content.body.size()));
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
  for (const auto entry : entries) {
    if (!is_batch_id(entry.Id()))
      return refuse("InvalidBatchEntryIdException",
                    "The Id of a batch entry in a batch request doesn't abide by the "
                    "specification.");
    if (!ids.insert(entry.Id()).second)
      return refuse("BatchEntryIdsNotDistinctException",
                    "Two or more batch entries in the request have the same Id.");
  }
  return {};
}

// One entry that cannot be published refuses them all: AWS says so of each kind that is recorded.
Result<std::vector<Notification>> read_batch(
    const Call& call, const events::Topic& topic,
    const wire::ListView<api::PublishBatchRequestEntry>& entries) {
  std::vector<Notification> out;
  std::size_t bytes = 0;
  for (const auto entry : entries) {
    bytes += bytes_of(entry);
    if (bytes > message_bytes_max)
      return refuse("BatchRequestTooLongException",
                    "The length of all the messages put together is more than the limit.");
    TRY(Notification next, read_notification(call, topic, entry));
    out.push_back(std::move(next));
  }
  return out;
}

std::optional<std::string_view> topic_arn_of(const api::PublishInput& in) {
  return in.TopicArn() ? in.TopicArn() : in.TargetArn();
}

// Of each notification of a call the copies that were made before its change, where there are any.
using CopiesAhead = std::shared_ptr<const std::vector<std::optional<events::Publisher::Ahead>>>;

std::shared_ptr<const events::Publisher::Audience> find_audience(const SnsDoor& door,
                                                                 const Call& call,
                                                                 std::string_view arn) {
  const auto id = topic_of_arn(call, arn);
  return id ? door.publisher.audience(*id) : nullptr;
}

CopiesAhead copy_all(const SnsDoor& door, const Call& call,
                     const std::shared_ptr<const events::Publisher::Audience>& audience,
                     std::span<const Notification> notifications) {
  std::vector<std::optional<events::Publisher::Ahead>> out;
  for (const Notification& each : notifications)
    out.push_back(door.publisher.copy(audience, each, call.moment()));
  return std::make_shared<const std::vector<std::optional<events::Publisher::Ahead>>>(
      std::move(out));
}

const events::Publisher::Ahead* copies_of(const std::optional<CopiesAhead>& ahead, std::size_t i) {
  return ahead && (**ahead)[i] ? &*(**ahead)[i] : nullptr;
}

}  // namespace

std::any prepare_publish(const SnsDoor& door, Call& call, api::PublishInput in) {
  const auto arn = topic_arn_of(in);
  if (in.PhoneNumber() || !arn) return {};
  const auto audience = find_audience(door, call, *arn);
  if (!audience) return {};
  const auto notification = read_notification(call, audience->topic, in);
  if (!notification) return {};
  return copy_all(door, call, audience, std::span(&*notification, 1));
}

std::any prepare_publish_batch(const SnsDoor& door, Call& call, api::PublishBatchInput in) {
  const auto entries = in.PublishBatchRequestEntries();
  if (!check_batch(entries)) return {};
  const auto audience = find_audience(door, call, in.TopicArn());
  if (!audience) return {};
  const auto notifications = read_batch(call, audience->topic, entries);
  if (!notifications) return {};
  return copy_all(door, call, audience, *notifications);
}

Result<api::PublishResponse> publish(const SnsDoor& door, Call& call, api::PublishInput in) {
  if (in.PhoneNumber()) return publish_to_number(call, in);
  const auto arn = topic_arn_of(in);
  if (!arn) return invalid("TopicArn or TargetArn Reason: no value for required parameter");
  if (!in.TopicArn() && is_device_arn(*arn)) return publish_to_device(door, call, in);
  TRY(const events::Topic topic, find(door, call, *arn));
  const auto ahead = call.take_left<CopiesAhead>();
  TRY(const Notification notification, read_notification(call, topic, in));
  TRY(const events::Published published,
      door.publisher.publish(call.tx(), topic.id, notification, copies_of(ahead, 0),
                             call.moment()));
  auto out = call.output<api::PublishResponse>();
  out.MessageId(published.id);
  if (topic.settings.order == DeliveryOrder::strict)
    out.SequenceNumber(sequence_text(published.sequence));
  return out;
}

Result<api::PublishBatchResponse> publish_batch(const SnsDoor& door, Call& call,
                                                api::PublishBatchInput in) {
  TRY(const events::Topic topic, find(door, call, in.TopicArn()));
  const auto entries = in.PublishBatchRequestEntries();
  TRY_DO(check_batch(entries));
  const auto ahead = call.take_left<CopiesAhead>();
  TRY(const std::vector<Notification> notifications, read_batch(call, topic, entries));
  auto out = call.output<api::PublishBatchResponse>();
  out.Successful(wire::empty).Failed(wire::empty);
  std::size_t next = 0;
  for (const auto entry : entries) {
    TRY(const events::Published published,
        door.publisher.publish(call.tx(), topic.id, notifications[next], copies_of(ahead, next),
                               call.moment()));
    ++next;
    auto item = out.add_Successful().Id(entry.Id()).MessageId(published.id);
    if (topic.settings.order == DeliveryOrder::strict)
      item.SequenceNumber(sequence_text(published.sequence));
  }
  return out;
}

}  // namespace slipway::sns
