#include "service/sns/attributes.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/boolean.h"
#include "base/text.h"
#include "engine/events/filter.h"
#include "service/arn.h"
#include "service/policy_principals.h"
#include "service/resource_policy.h"
#include "service/sns/delivery_policy.h"

namespace slipway::sns {
namespace {

namespace json = boost::json;
using events::Deduplication;
using events::DeliveryOrder;

constexpr std::size_t document_bytes_max = 262'144;
constexpr std::size_t display_name_bytes_max = 100;
constexpr std::size_t note_bytes_max = 2048;  // AWS publishes none: a choice

// What is kept and shown again; what of it acts is read from there, and policies are the frame's to
// ask.
constexpr std::string_view kept_of_topics[] = {"DisplayName",      "KmsMasterKeyId",
                                               "TracingConfig",    "FifoThroughputScope",
                                               "SignatureVersion", "Policy"};

// What a topic's policy may speak of; "SNS:*" is more.
constexpr std::string_view policy_actions[] = {"sns:addpermission",
                                               "sns:deletetopic",
                                               "sns:getdataprotectionpolicy",
                                               "sns:gettopicattributes",
                                               "sns:listsubscriptionsbytopic",
                                               "sns:listtagsforresource",
                                               "sns:publish",
                                               "sns:putdataprotectionpolicy",
                                               "sns:receive",
                                               "sns:removepermission",
                                               "sns:settopicattributes",
                                               "sns:subscribe"};

template <std::size_t n>
bool is_in(const std::string_view (&names)[n], std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

Result<> check_policy(std::string_view text) {
  const auto policy = service::read_resource_policy(text);
  if (!policy) return invalid("Policy Error: null");
  for (const identity::Statement& statement : policy->statements())
    for (const std::string& action : statement.actions)
      if (!is_in(policy_actions, action))
        return invalid("Policy statement action out of service scope!");
  return {};
}

std::optional<json::object> object_of(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

Result<> read_switch(std::string_view name, std::string_view value, bool& out) {
  const std::optional<bool> on = read_boolean(value);
  if (!on)
    return invalid(fmt::format("{}: Invalid value [{}]. Must be true or false.", name, value));
  out = *on;
  return {};
}

Result<> read_redrive(std::string_view text, events::SubscriptionSettings& settings) {
  constexpr std::string_view target_member = "deadLetterTargetArn";
  settings.dead_letters.reset();
  if (text.empty() || text == "{}") return {};
  const auto policy = object_of(text);
  if (!policy) return invalid("RedrivePolicy: failed to parse JSON.");
  for (const auto& [name, ignored] : *policy)
    if (name != target_member)
      return invalid(fmt::format("RedrivePolicy: invalid JSON. Attribute {} is unknown.",
                                 std::string_view(name)));
  const json::value* target = policy->if_contains(target_member);
  const auto arn = target && target->is_string()
                       ? service::parse_arn(std::string_view(target->as_string()))
                       : std::nullopt;
  if (!arn || arn->service != "sqs")
    return invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  settings.dead_letters = events::QueueId{arn->key()};
  return {};
}

std::string redrive_text(const events::QueueId& queue) {
  events::Subscription as_queue{.channel = events::Channel::queue, .endpoint = queue.text};
  return json::serialize(json::object{{"deadLetterTargetArn", endpoint_of(as_queue)}});
}

// What a notification is traced by is handed on in any case; nothing is told of it elsewhere.
Result<> check_tracing(std::string_view value) {
  if (value.empty() || value == "PassThrough") return {};
  if (value == "Active")
    return std::unexpected(Error{ErrorCode::not_implemented,
                                 "Slipway has no X-Ray: TracingConfig can be PassThrough alone."});
  return invalid("TracingConfig");
}

// What needs no confirmation was confirmed by the signed call that made it.
bool was_authenticated(const events::Subscription& subscription) {
  using events::Channel;
  if (subscription.channel == Channel::queue || subscription.channel == Channel::text ||
      subscription.channel == Channel::device)
    return true;
  const auto note = subscription.settings.notes.find(std::string(note_authenticated));
  return note != subscription.settings.notes.end() && note->second == "true";
}

}  // namespace

Result<> read_topic_attribute(std::string_view name, std::string_view value,
                              events::TopicSettings& settings) {
  if (name == "FifoTopic") {
    bool strict = false;
    TRY_DO(read_switch(name, value, strict));
    if (strict != (settings.order == DeliveryOrder::strict))
      return invalid(
          "Fifo Topic names must end with .fifo and must be made up of only uppercase "
          "and lowercase ASCII letters, numbers, underscores, and hyphens, and must be "
          "between 1 and 256 characters long.");
    return {};
  }
  if (name == "ContentBasedDeduplication") {
    bool by_content = false;
    TRY_DO(read_switch(name, value, by_content));
    if (settings.order != DeliveryOrder::strict)
      return invalid(
          "Attributes Reason: ContentBasedDeduplication can only be set for FIFO topics");
    settings.deduplication = by_content ? Deduplication::by_content : Deduplication::by_name;
    return {};
  }
  if (name == "DeliveryPolicy") return read_delivery_policy(value, settings);
  if (!is_in(kept_of_topics, name)) return invalid("AttributeName");
  if (name == "Policy" && !value.empty() &&
      (value.size() > document_bytes_max || !object_of(value)))
    return invalid(fmt::format("{}: failed to parse JSON", name));
  if (name != "Policy" &&
      value.size() > (name == "DisplayName" ? display_name_bytes_max : note_bytes_max))
    return invalid(std::string(name));
  if (name == "Policy" && !value.empty()) TRY_DO(check_policy(value));
  if (name == "TracingConfig") TRY_DO(check_tracing(value));
  if (name == "SignatureVersion" && value != "1" && value != "2")
    return invalid("Attributes Reason: SignatureVersion must be 1 or 2");
  if (value.empty())
    settings.notes.erase(std::string(name));
  else
    settings.notes[std::string(name)] = value;
  return {};
}

std::string default_policy(const events::TopicId& id) {
  const std::string_view account = std::string_view(id.text).substr(0, id.text.find('/'));
  return fmt::format(
      R"({{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":)"
      R"("__default_statement_ID","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":)"
      R"(["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission",)"
      R"("SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe",)"
      R"("SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"{}","Condition":)"
      R"({{"StringEquals":{{"AWS:SourceOwner":"{}"}}}}}}]}})",
      arn_of(id), account);
}

Result<> check_policy_action(std::string_view action) {
  if (action == "*" || is_in(policy_actions, fmt::format("sns:{}", to_lower(action)))) return {};
  return invalid("Policy statement action out of service scope!");
}

Result<> bind_policy(Call& call, events::TopicSettings& settings) {
  settings.notes.erase(std::string(note_principals));
  const auto text = settings.notes.find("Policy");
  if (text == settings.notes.end()) return {};
  TRY(const identity::Policy policy, service::read_resource_policy(text->second));
  const auto ids = service::principal_ids(call, policy);
  if (!ids) return invalid("Policy Error: PrincipalNotFound");
  if (!ids->empty()) settings.notes[std::string(note_principals)] = identity::lines_of(*ids);
  return {};
}

std::string principals_of(const events::TopicSettings& settings) {
  const auto lines = settings.notes.find(std::string(note_principals));
  return lines == settings.notes.end() ? std::string() : lines->second;
}

std::map<std::string, std::string> topic_attributes(const events::Topic& topic) {
  std::map<std::string, std::string> out = topic.settings.notes;
  out.erase(std::string(note_principals));
  out.try_emplace("DisplayName", "");
  if (topic.settings.order == DeliveryOrder::strict) {
    out["FifoTopic"] = "true";
    out["ContentBasedDeduplication"] =
        topic.settings.deduplication == Deduplication::by_content ? "true" : "false";
  }
  return out;
}

Result<> read_subscription_attribute(std::string_view name, std::string_view value,
                                     events::SubscriptionSettings& settings) {
  if (name == "FilterPolicy") {
    settings.filter = value == "{}" ? "" : value;
    return {};
  }
  if (name == "FilterPolicyScope") {
    if (value != "MessageAttributes" && value != "MessageBody")
      return invalid(
          fmt::format("FilterPolicyScope: Invalid value [{}]. Please use either "
                      "MessageBody or MessageAttributes",
                      value));
    settings.filter_scope =
        value == "MessageBody" ? events::FilterScope::body : events::FilterScope::attributes;
    return {};
  }
  if (name == "RawMessageDelivery") {
    bool bare = false;
    TRY_DO(read_switch(name, value, bare));
    settings.form = bare ? events::MessageForm::bare : events::MessageForm::envelope;
    return {};
  }
  if (name == "RedrivePolicy") return read_redrive(value, settings);
  if (name == "DeliveryPolicy") return read_delivery_policy(value, settings);
  if (name == "SubscriptionRoleArn")
    return std::unexpected(
        Error{ErrorCode::not_implemented,
              "Slipway has no subscribers of protocol 'firehose', whose SubscriptionRoleArn is."});
  return invalid("AttributeName");
}

Result<> check_filter(const events::SubscriptionSettings& settings) {
  if (settings.filter.empty()) return {};
  const auto filter = events::Filter::parse(settings.filter, settings.filter_scope);
  const Result<> checked = filter ? filter->check_ranges() : std::unexpected(filter.error());
  if (checked) return {};
  const Error& error = checked.error();
  if (error.kind == "nested_filter") return invalid(error.message);
  return invalid(fmt::format("FilterPolicy: {}", error.message));
}

Result<> check_form(const events::Subscription& subscription) {
  using events::Channel;
  if (subscription.settings.form != events::MessageForm::bare ||
      subscription.channel == Channel::queue || subscription.channel == Channel::http)
    return {};
  return invalid(fmt::format("Delivery protocol [{}] does not support raw message delivery.",
                             protocol_of(subscription)));
}

Result<> check_redrive(const events::Subscription& subscription) {
  constexpr std::string_view strict_suffix = ".fifo";
  const auto& dead_letters = subscription.settings.dead_letters;
  const bool strict = subscription.topic.text.ends_with(strict_suffix) &&
                      subscription.endpoint.ends_with(strict_suffix);
  if (!dead_letters || !strict || dead_letters->text.ends_with(strict_suffix)) return {};
  return invalid(
      "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.");
}

std::map<std::string, std::string> subscription_attributes(
    const events::Topic& topic, const events::Subscription& subscription) {
  const events::SubscriptionSettings& settings = subscription.settings;
  const bool pending = subscription.state == events::Subscription::State::pending;
  std::map<std::string, std::string> out{
      {"SubscriptionArn", arn_of(subscription)},
      {"TopicArn", arn_of(subscription.topic)},
      {"Owner", subscription.owner},
      {"Protocol", std::string(protocol_of(subscription))},
      {"Endpoint", endpoint_of(subscription)},
      {"PendingConfirmation", pending ? "true" : "false"},
      {"ConfirmationWasAuthenticated", was_authenticated(subscription) ? "true" : "false"},
      {"RawMessageDelivery", settings.form == events::MessageForm::bare ? "true" : "false"},
      {"SubscriptionPrincipal", fmt::format("arn:aws:iam::{}:root", subscription.owner)}};
  if (!settings.filter.empty()) {
    out["FilterPolicy"] = settings.filter;
    out["FilterPolicyScope"] =
        settings.filter_scope == events::FilterScope::body ? "MessageBody" : "MessageAttributes";
  }
  if (settings.dead_letters) out["RedrivePolicy"] = redrive_text(*settings.dead_letters);
  for (const std::string_view name : {std::string_view("DeliveryPolicy"), note_subscriber})
    if (const auto note = settings.notes.find(std::string(name)); note != settings.notes.end())
      out.insert_or_assign(note->first, note->second);
  if (subscription.channel == events::Channel::http)
    out["EffectiveDeliveryPolicy"] = effective_policy_text(topic.settings, settings);
  return out;
}

}  // namespace slipway::sns
