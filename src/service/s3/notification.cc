#include "service/s3/notification.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "service/arn.h"
#include "service/s3/attributes.h"
#include "service/s3/errors.h"

namespace slipway::s3 {
namespace {

using Kind = Destination::Kind;

constexpr std::string_view events_prefix = "s3:";

// All that may be asked for; some of it never happens here, as nothing is replicated, and the end
// of a restored object's days is none of anybody's doing.
constexpr std::string_view event_names[] = {
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
};

Destination destination_of(const api::TopicConfiguration& each) {
  return {Kind::topic, std::string(each.TopicArn())};
}
Destination destination_of(const api::QueueConfiguration& each) {
  return {Kind::queue, std::string(each.QueueArn())};
}
Destination destination_of(const api::LambdaFunctionConfiguration& each) {
  return {Kind::function, std::string(each.LambdaFunctionArn())};
}

bool is_prefix(const api::FilterRule& rule) {
  return lower_case(rule.Name().value_or("")) == "prefix";
}

template <typename Configuration>
NotificationRule rule_of(const Configuration& each) {
  NotificationRule out{.id = std::string(each.Id().value_or("")), .to = destination_of(each)};
  for (const std::string_view event : each.Events()) out.events.emplace_back(event);
  std::ranges::sort(out.events);
  const auto again = std::ranges::unique(out.events);
  out.events.erase(again.begin(), again.end());
  for (const auto rule : each.Filter().Key().FilterRules())
    (is_prefix(rule) ? out.prefix : out.suffix) = rule.Value().value_or("");
  return out;
}

// Of topics, queues and functions alike.
template <typename Take>
void for_each_configuration(const api::NotificationConfiguration& configuration, Take take) {
  for (const auto each : configuration.TopicConfigurations()) take(each);
  for (const auto each : configuration.QueueConfigurations()) take(each);
  for (const auto each : configuration.LambdaFunctionConfigurations()) take(each);
}

Result<> check_filter(const api::NotificationConfigurationFilter& filter) {
  int prefixes = 0;
  int suffixes = 0;
  for (const auto rule : filter.Key().FilterRules()) {
    const std::string name(rule.Name().value_or(""));
    const std::string_view value = rule.Value().value_or("");
    if (lower_case(name) != "prefix" && lower_case(name) != "suffix")
      return invalid_argument("filter rule name must be either prefix or suffix",
                              {"FilterRule.Name", name});
    if (value.size() > filter_value_bytes_max)
      return invalid_argument(
          "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
          {"FilterRule.Value", std::string(value)});
    if (++(is_prefix(rule) ? prefixes : suffixes) > 1)
      return invalid_argument(
          fmt::format("Cannot specify more than one {} rule in a filter.", lower_case(name)),
          {"FilterRule.Name", name});
  }
  return {};
}

Result<> check_events(const NotificationRule& rule) {
  for (const std::string& event : rule.events)
    if (std::ranges::find(event_names, event) == std::end(event_names))
      return invalid_argument(
          fmt::format("The event '{}' is not supported for notifications", event),
          {"Event", event});
  if (!rule.events.empty()) return {};
  return refuse("MalformedXML", std::string(malformed_xml));
}

std::string_view service_of(Kind kind) {
  switch (kind) {
    case Kind::topic: return "sns";
    case Kind::queue: return "sqs";
    case Kind::function: break;
  }
  return "lambda";
}

Result<> check_destination(const Destination& to, const objects::Bucket& bucket) {
  const auto arn = service::parse_arn(to.arn);
  if (!arn || arn->service != service_of(to.kind) || arn->region.empty() || arn->account.empty())
    return invalid_argument("The ARN could not be parsed", {to.argument(), to.arn});
  if (arn->region != bucket.region)
    return invalid_argument(
        "The notification destination service region is not valid for the bucket location "
        "constraint",
        {to.argument(), to.arn});
  if (to.kind != Kind::function && arn->resource.ends_with(".fifo"))
    return invalid_argument(to.kind == Kind::queue ? "FIFO SQS queues are not supported."
                                                   : "FIFO SNS topics are not supported.",
                            {to.argument(), to.arn});
  return {};
}

bool shares_event(std::string_view one, std::string_view other) {
  if (one == other) return true;
  if (other.ends_with('*')) std::swap(one, other);
  return one.ends_with('*') && other.starts_with(one.substr(0, one.size() - 1));
}

// Whether one key may make one event of both.
bool overlap(const NotificationRule& one, const NotificationRule& other) {
  const bool prefixes =
      one.prefix.starts_with(other.prefix) || other.prefix.starts_with(one.prefix);
  const bool suffixes = one.suffix.ends_with(other.suffix) || other.suffix.ends_with(one.suffix);
  if (!prefixes || !suffixes) return false;
  return std::ranges::any_of(one.events, [&](const std::string& event) {
    return std::ranges::any_of(other.events,
                               [&](const std::string& its) { return shares_event(event, its); });
  });
}

Result<> check_together(const std::vector<NotificationRule>& rules) {
  for (auto rule = rules.begin(); rule != rules.end(); ++rule)
    for (auto other = rules.begin(); other != rule; ++other) {
      if (!rule->id.empty() && rule->id == other->id)
        return invalid_argument("Same ID used for multiple configurations. IDs must be unique",
                                {"Id", rule->id});
      if (overlap(*rule, *other))
        return refuse("InvalidArgument",
                      "Configuration is ambiguously defined. Cannot have overlapping suffixes in "
                      "two rules if the prefixes are overlapping for the same event type.");
    }
  return {};
}

template <typename Configuration>
void complete(Call& call, const Configuration& given, Configuration out) {
  const std::string id = given.Id().value_or("").empty() ? to_base64(make_uuid(call.random()))
                                                         : std::string(*given.Id());
  out.Id(id).Events(given.Events());
  if (!given.Filter()) return;
  auto key = call.output<api::S3KeyFilter>();
  for (const auto rule : given.Filter().Key().FilterRules())
    key.add_FilterRules().Name(is_prefix(rule) ? "Prefix" : "Suffix").Value(rule.Value());
  out.make_Filter().Key(key);
}

}  // namespace

std::string_view Destination::argument() const {
  switch (kind) {
    case Kind::topic: return "Topic";
    case Kind::queue: return "Queue";
    case Kind::function: break;
  }
  return "CloudFunction";
}

bool NotificationRule::wants(std::string_view event, std::string_view key) const {
  if (!key.starts_with(prefix) || !key.ends_with(suffix)) return false;
  return std::ranges::any_of(events, [&](std::string_view wanted) {
    wanted.remove_prefix(events_prefix.size());
    return shares_event(wanted, event);
  });
}

std::vector<NotificationRule> rules_of(const api::NotificationConfiguration& configuration) {
  std::vector<NotificationRule> rules;
  for_each_configuration(configuration, [&](const auto& each) { rules.push_back(rule_of(each)); });
  return rules;
}

Result<> check_configuration(const api::NotificationConfiguration& configuration,
                             const objects::Bucket& bucket) {
  if (configuration.EventBridgeConfiguration())
    return refuse("NotImplemented",
                  "Slipway has no EventBridge (EventBridgeConfiguration): let the bucket send to a "
                  "queue or a topic.");
  Result<> filters;
  for_each_configuration(configuration, [&](const auto& each) {
    if (filters) filters = check_filter(each.Filter());
  });
  TRY_DO(filters);
  const std::vector<NotificationRule> rules = rules_of(configuration);
  if (rules.size() > notification_rules_max)
    return refuse("InvalidArgument",
                  fmt::format("A bucket has at most {} notification configurations.",
                              notification_rules_max));
  for (const NotificationRule& rule : rules) {
    if (rule.id.size() > notification_id_bytes_max)
      return invalid_argument(
          fmt::format("ID length should not exceed allowed limit of {}", notification_id_bytes_max),
          {"Id", rule.id});
    TRY_DO(check_events(rule));
    TRY_DO(check_destination(rule.to, bucket));
  }
  return check_together(rules);
}

api::NotificationConfiguration completed(Call& call,
                                         const api::NotificationConfiguration& configuration) {
  auto out = call.output<api::NotificationConfiguration>();
  for (const auto each : configuration.TopicConfigurations()) {
    auto made = out.add_TopicConfigurations();
    complete(call, each, made.TopicArn(each.TopicArn()));
  }
  for (const auto each : configuration.QueueConfigurations()) {
    auto made = out.add_QueueConfigurations();
    complete(call, each, made.QueueArn(each.QueueArn()));
  }
  for (const auto each : configuration.LambdaFunctionConfigurations()) {
    auto made = out.add_LambdaFunctionConfigurations();
    complete(call, each, made.LambdaFunctionArn(each.LambdaFunctionArn()));
  }
  return out;
}

}  // namespace slipway::s3
