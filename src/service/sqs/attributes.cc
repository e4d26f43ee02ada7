#include "service/sqs/attributes.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "base/boolean.h"
#include "service/policy_principals.h"
#include "service/resource_policy.h"

namespace slipway::sqs {
namespace {

namespace json = boost::json;
using events::DeliveryOrder;
using events::QueueSettings;
using std::chrono::seconds;

constexpr std::size_t policy_bytes_max = 262'144;
constexpr std::int64_t receives_max_max = 1000;
constexpr std::size_t key_name_bytes_max = 2048;  // as KMS has it

std::unexpected<Error> bad_attribute(std::string_view name) {
  return refuse("InvalidAttributeValue", fmt::format("Invalid value for the parameter {}.", name));
}
Result<> check_policy(std::string_view text) {
  const auto policy = service::read_resource_policy(text);
  if (!policy) return bad_attribute("Policy");
  for (const identity::Statement& statement : policy->statements())
    for (const std::string& action : statement.actions)
      if (action != "*" && !action.starts_with("sqs:")) return bad_attribute("Policy");
  return {};
}
std::unexpected<Error> unknown_attribute(std::string_view name) {
  return refuse("InvalidAttributeName", fmt::format("Unknown Attribute {}.", name));
}

// An attribute that is a number of this queue.
struct Number {
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
  void (*set)(QueueSettings&, std::int64_t);
  std::int64_t (*get)(const QueueSettings&);
};

// docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
constexpr Number numbers[] = {
    {"DelaySeconds", 0, 900, [](QueueSettings& s, std::int64_t v) { s.delay = seconds(v); },
     [](const QueueSettings& s) -> std::int64_t { return s.delay.count(); }},
    {"MaximumMessageSize", 1024, 1'048'576,
     [](QueueSettings& s, std::int64_t v) { s.message_bytes_max = static_cast<std::uint32_t>(v); },
     [](const QueueSettings& s) -> std::int64_t { return s.message_bytes_max; }},
    {"MessageRetentionPeriod", 60, 1'209'600,
     [](QueueSettings& s, std::int64_t v) { s.retention = seconds(v); },
     [](const QueueSettings& s) -> std::int64_t { return s.retention.count(); }},
    {"ReceiveMessageWaitTimeSeconds", 0, 20,
     [](QueueSettings& s, std::int64_t v) { s.wait = seconds(v); },
     [](const QueueSettings& s) -> std::int64_t { return s.wait.count(); }},
    {"VisibilityTimeout", 0, 43'200,
     [](QueueSettings& s, std::int64_t v) { s.visibility = seconds(v); },
     [](const QueueSettings& s) -> std::int64_t { return s.visibility.count(); }},
};

// What is kept and shown again; `Policy` is what the frame asks too.
constexpr std::string_view kept[] = {"Policy", "RedriveAllowPolicy", "KmsMasterKeyId",
                                     "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"};

constexpr std::string_view all_settings[] = {"DelaySeconds",
                                             "MaximumMessageSize",
                                             "MessageRetentionPeriod",
                                             "VisibilityTimeout",
                                             "ReceiveMessageWaitTimeSeconds",
                                             "Policy",
                                             "RedrivePolicy",
                                             "RedriveAllowPolicy",
                                             "KmsMasterKeyId",
                                             "SqsManagedSseEnabled",
                                             "KmsDataKeyReusePeriodSeconds",
                                             "FifoQueue",
                                             "DeduplicationScope",
                                             "ContentBasedDeduplication",
                                             "FifoThroughputLimit"};

template <typename T, std::size_t n>
const T* find_in(const T (&table)[n], std::string_view name) {
  const auto found = std::ranges::find(table, name, &T::name);
  return found == std::end(table) ? nullptr : found;
}

Result<> read_number(const Number& number, std::string_view text, QueueSettings& settings) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < number.least ||
      value > number.most)
    return bad_attribute(number.name);
  number.set(settings, value);
  return {};
}

// {"deadLetterTargetArn": "arn:...", "maxReceiveCount": 3}; the number may be text.
Result<> read_redrive(std::string_view text, QueueSettings& settings) {
  settings.dead_letters.reset();
  if (text.empty()) return {};
  boost::system::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error || !parsed.is_object())
    return refuse("InvalidParameterValueException",
                  fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: Amazon SQS "
                              "can't create the redrive policy, as it's in an unsupported format.",
                              text));
  const json::value* arn = parsed.as_object().if_contains("deadLetterTargetArn");
  const json::value* count = parsed.as_object().if_contains("maxReceiveCount");
  if (!arn || !arn->is_string() || !count)
    return refuse(
        "InvalidParameterValueException",
        fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: Redrive "
                    "policy does not contain mandatory attribute: {}.",
                    text, arn && arn->is_string() ? "maxReceiveCount" : "deadLetterTargetArn"));
  std::int64_t receives = 0;
  if (count->is_int64()) receives = count->as_int64();
  if (count->is_string()) {
    const std::string_view digits = count->as_string();
    std::from_chars(digits.data(), digits.data() + digits.size(), receives);
  }
  if (receives < 1 || receives > receives_max_max)
    return refuse("InvalidParameterValueException",
                  fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: Invalid "
                              "value for maxReceiveCount: {}, valid values are from 1 to {} both "
                              "inclusive.",
                              text, receives, receives_max_max));
  const auto target = id_of_arn(arn->as_string());
  if (!target)
    return refuse("InvalidParameterValueException",
                  fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: Invalid "
                              "value for deadLetterTargetArn.",
                              text));
  settings.dead_letters = {.queue = *target, .receives_max = static_cast<std::uint32_t>(receives)};
  return {};
}

bool is_json_object(std::string_view text) {
  boost::system::error_code error;
  return json::parse({text.data(), text.size()}, error).is_object() && !error;
}

// How long a key's data key is used again, which nothing here does.
bool is_reuse_period(std::string_view text) {
  std::int64_t period = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), period);
  return error == std::errc() && end == text.data() + text.size() && period >= 60 &&
         period <= 86'400;
}

Result<> read_kept(std::string_view name, std::string_view value, QueueSettings& settings) {
  const bool document = name == "Policy" || name == "RedriveAllowPolicy";
  if (name == "Policy" && !value.empty()) TRY_DO(check_policy(value));
  if (document && !value.empty() && (value.size() > policy_bytes_max || !is_json_object(value)))
    return bad_attribute(name);
  if (name == "KmsMasterKeyId" && value.size() > key_name_bytes_max) return bad_attribute(name);
  if (name == "KmsDataKeyReusePeriodSeconds" && !value.empty() && !is_reuse_period(value))
    return bad_attribute(name);
  const std::optional<bool> on = read_boolean(value);
  const bool is_switch = name == "SqsManagedSseEnabled";
  if (is_switch && !on) return bad_attribute(name);
  if (value.empty())
    settings.notes.erase(std::string(name));
  else
    settings.notes[std::string(name)] = is_switch ? boolean_text(*on) : value;
  return {};
}

// Those that only a FIFO queue has.
Result<> read_strict(std::string_view name, std::string_view value, QueueSettings& settings) {
  if (settings.order != DeliveryOrder::strict && name == "ContentBasedDeduplication")
    return unknown_attribute(name);
  if (settings.order != DeliveryOrder::strict)
    return refuse("InvalidAttributeName",
                  fmt::format("You can specify the {} only when FifoQueue is set to true.", name));
  if (name == "ContentBasedDeduplication") {
    const std::optional<bool> by_content = read_boolean(value);
    if (!by_content) return bad_attribute(name);
    settings.deduplication =
        *by_content ? events::Deduplication::by_content : events::Deduplication::by_name;
  } else if (name == "DeduplicationScope") {
    if (value != "queue" && value != "messageGroup") return bad_attribute(name);
    settings.deduplication_scope =
        value == "queue" ? QueueSettings::Scope::queue : QueueSettings::Scope::group;
  } else {
    if (value != "perQueue" && value != "perMessageGroupId") return bad_attribute(name);
    settings.notes["FifoThroughputLimit"] = value;
  }
  return {};
}

Result<> read_setting(std::string_view name, std::string_view value, QueueSettings& settings) {
  if (const Number* number = find_in(numbers, name)) return read_number(*number, value, settings);
  if (name == "RedrivePolicy") return read_redrive(value, settings);
  if (std::ranges::find(kept, name) != std::end(kept)) return read_kept(name, value, settings);
  if (name == "ContentBasedDeduplication" || name == "DeduplicationScope" ||
      name == "FifoThroughputLimit")
    return read_strict(name, value, settings);
  // Whether a queue is FIFO was said when it was made; saying it again changes nothing.
  if (name == "FifoQueue" && settings.order == DeliveryOrder::strict) {
    if (read_boolean(value) == true) return {};
    return refuse("InvalidAttributeValue",
                  "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not "
                  "supported.");
  }
  return unknown_attribute(name);
}

std::string redrive_text(const events::DeadLetters& dead_letters) {
  return json::serialize(json::object{{"deadLetterTargetArn", arn_of(dead_letters.queue)},
                                      {"maxReceiveCount", dead_letters.receives_max}});
}

// Whether the dead letter queue's own RedriveAllowPolicy lets `source` use it.
bool allows(const QueueSettings& target, const events::QueueId& source) {
  const auto policy = target.notes.find("RedriveAllowPolicy");
  if (policy == target.notes.end()) return true;
  const json::value parsed = json::parse(policy->second);
  const json::value* permission = parsed.as_object().if_contains("redrivePermission");
  if (!permission || !permission->is_string() || permission->as_string() == "allowAll") return true;
  if (permission->as_string() == "denyAll") return false;
  const json::value* arns = parsed.as_object().if_contains("sourceQueueArns");
  return arns && arns->is_array() &&
         std::ranges::any_of(arns->as_array(), [arn = arn_of(source)](const json::value& each) {
           return each.is_string() && std::string_view(each.as_string()) == arn;
         });
}

}  // namespace

Result<> read_settings(const wire::MapView<std::string_view>& given, QueueSettings& settings) {
  for (const auto& [name, value] : given) TRY_DO(read_setting(name, value, settings));
  if (!settings.notes.contains("KmsMasterKeyId")) return {};
  if (read_boolean(given.find("SqsManagedSseEnabled").value_or("")) == true)
    return refuse(
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either "
        "enable KMS SSE or SQS SSE.");
  settings.notes.erase("SqsManagedSseEnabled");  // a key says that it is off
  return {};
}

Result<> check_key(const QueueSettings& settings) {
  constexpr std::string_view own_key = "alias/aws/sqs";
  const auto key = settings.notes.find("KmsMasterKeyId");
  if (key == settings.notes.end() || key->second.ends_with(own_key)) return {};
  return refuse("KmsNotFound",
                fmt::format("Slipway has no keys of KMS: '{}' is not found.", key->second));
}

Result<> check_throughput(const QueueSettings& settings) {
  const auto limit = settings.notes.find("FifoThroughputLimit");
  if (limit == settings.notes.end() || limit->second != "perMessageGroupId" ||
      settings.deduplication_scope == QueueSettings::Scope::group)
    return {};
  return refuse("InvalidAttributeValue",
                "Invalid value for the parameter FifoThroughputLimit. Reason: To set "
                "FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be "
                "messageGroup.");
}

Result<> bind_policy(Call& call, QueueSettings& settings) {
  settings.notes.erase(std::string(note_principals));
  const auto text = settings.notes.find("Policy");
  if (text == settings.notes.end()) return {};
  const auto policy = service::read_resource_policy(text->second);
  if (!policy) return bad_attribute("Policy");
  const auto ids = service::principal_ids(call, *policy);
  if (!ids) return bad_attribute("Policy");
  if (!ids->empty()) settings.notes[std::string(note_principals)] = identity::lines_of(*ids);
  return {};
}

std::string principals_of(const QueueSettings& settings) {
  const auto lines = settings.notes.find(std::string(note_principals));
  return lines == settings.notes.end() ? std::string() : lines->second;
}

Result<> check_dead_letters(Call& call, const SqsDoor& door, const events::QueueId& id,
                            const QueueSettings& settings) {
  if (!settings.dead_letters) return {};
  const auto refuse_policy = [&](std::string_view reason) {
    return bad_value(fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: {}",
                                 redrive_text(*settings.dead_letters), reason));
  };
  const auto target = door.queues.find(call.tx(), settings.dead_letters->queue);
  if (!target) return refuse_policy("Dead letter target does not exist.");
  if (target->settings.order != settings.order)
    return refuse_policy("Dead-letter queue must be same type of queue as the source.");
  if (!allows(target->settings, id))
    return refuse_policy(
        "Dead-letter queue does not allow the source queue to use it, by its redrive allow "
        "policy.");
  return {};
}

std::optional<std::string> setting_text(const QueueSettings& settings, std::string_view name) {
  const bool strict = settings.order == DeliveryOrder::strict;
  if (const Number* number = find_in(numbers, name)) return fmt::to_string(number->get(settings));
  if (name == "RedrivePolicy" && settings.dead_letters) return redrive_text(*settings.dead_letters);
  if (strict && name == "FifoQueue") return "true";
  if (strict && name == "ContentBasedDeduplication")
    return settings.deduplication == events::Deduplication::by_content ? "true" : "false";
  if (strict && name == "DeduplicationScope")
    return settings.deduplication_scope == QueueSettings::Scope::queue ? "queue" : "messageGroup";
  if (const auto note = settings.notes.find(std::string(name)); note != settings.notes.end())
    return note->second;
  if (strict && name == "FifoThroughputLimit") return "perQueue";
  const bool own_key = settings.notes.contains("KmsMasterKeyId");
  if (name == "SqsManagedSseEnabled") return own_key ? "false" : "true";
  if (name == "KmsDataKeyReusePeriodSeconds" && own_key) return "300";
  return std::nullopt;
}

std::span<const std::string_view> setting_names() { return all_settings; }

}  // namespace slipway::sqs
