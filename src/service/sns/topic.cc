#include <algorithm>

#include "base/boolean.h"
#include "base/encoding.h"
#include "service/paging.h"
#include "service/policy_principals.h"
#include "service/policy_statement.h"
#include "service/reserved_tag.h"
#include "service/resource_key.h"
#include "service/sns/attributes.h"
#include "service/sns/delivery_policy.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using events::Topic;
using events::TopicId;
using events::TopicSettings;

constexpr std::size_t name_bytes_max = 256;
constexpr tags::Rules tag_rules{.reserved_prefix = service::reserved_tag_prefix};
constexpr std::string_view strict_suffix = ".fifo";

Result<> check_name(std::string_view name) {
  std::string_view plain = name;
  if (plain.ends_with(strict_suffix)) plain.remove_suffix(strict_suffix.size());
  const bool good = std::ranges::all_of(plain, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (good && !plain.empty() && name.size() <= name_bytes_max) return {};
  return invalid("Topic Name");
}

std::unexpected<Error> too_many_tags() {
  return refuse("TagLimitExceededException",
                "Could not complete request: tag quota of per resource exceeded");
}

// AWS's model has looked at each key and value.
Result<tags::TagList> read_tags(const wire::ListView<api::Tag>& given) {
  tags::TagList out;
  for (const api::Tag tag : given) out.emplace_back(tag.Key(), tag.Value());
  if (const auto violation = tags::find_violation(out, tag_rules))
    return violation->rule == tags::Violation::Rule::reserved_key
               ? invalid(fmt::format("Tags Reason: {}", service::reserved_tag_text))
               : invalid("Duplicated keys are not allowed.");
  if (out.size() > tag_rules.tags_max) return too_many_tags();
  return out;
}

bool has_all(const tags::TagList& there, const tags::TagList& wanted) {
  return std::ranges::all_of(
      wanted, [&](const auto& tag) { return std::ranges::find(there, tag) != there.end(); });
}

Result<Topic> find(const SnsDoor& door, Call& call, std::string_view arn) {
  TRY(const TopicId id, topic_of_arn(call, arn));
  return door.topics.find(call.tx(), id);
}

// The operations about tags have an error of their own for what is not there.
Result<Topic> find_tagged(const SnsDoor& door, Call& call, std::string_view arn) {
  auto topic = find(door, call, arn);
  if (topic || topic.error().code != ErrorCode::not_found) return topic;
  return refuse("ResourceNotFoundException", "Resource does not exist");
}

Result<> put_policy(const SnsDoor& door, Call& call, const Topic& topic, std::string policy) {
  TopicSettings settings = topic.settings;
  if (policy.empty())
    settings.notes.erase("Policy");
  else
    settings.notes["Policy"] = std::move(policy);
  return door.topics.change_settings(call.tx(), topic.id, settings);
}

std::string policy_of(const Topic& topic) {
  const auto found = topic.settings.notes.find("Policy");
  return found == topic.settings.notes.end() ? default_policy(topic.id) : found->second;
}

using Texts = std::map<std::string, std::string>;

// Whether a topic with the attributes `there` has this one as it is wanted; a switch that a topic
// has not is off.
bool is_already(const Texts& there, const Texts& wanted, const std::string& name) {
  const auto found = there.find(name);
  const auto asked = wanted.find(name);
  if (found == there.end() || asked == wanted.end())
    return found == there.end() && asked == wanted.end();
  return found->second == asked->second;
}

}  // namespace

// A topic of that name is the answer where it is what is asked for.
Result<api::CreateTopicResponse> create_topic(const SnsDoor& door, Call& call,
                                              api::CreateTopicInput in) {
  TRY_DO(check_name(in.Name()));
  TopicSettings settings;
  if (in.Name().ends_with(strict_suffix)) {
    settings.order = events::DeliveryOrder::strict;
    if (read_boolean(in.Attributes().find("FifoTopic").value_or("")) != true)
      return invalid("Topic Name");
  }
  for (const auto& [name, value] : in.Attributes())
    TRY_DO(read_topic_attribute(name, value, settings));
  TRY(const tags::TagList tags, read_tags(in.Tags()));
  const TopicId id{service::resource_key(call.caller(), in.Name())};
  if (const auto topic = door.topics.find(call.tx(), id)) {
    const Texts there = topic_attributes(*topic);
    const Texts wanted = topic_attributes({.settings = settings});
    for (const auto& [name, value] : in.Attributes())
      if (!is_already(there, wanted, std::string(name)))
        return invalid("Attributes Reason: Topic already exists with different attributes");
    if (!has_all(tags::list(call.tx(), events::tagged(id)), tags))
      return invalid("Tags Reason: Topic already exists with different tags");
  } else {
    TRY_DO(bind_policy(call, settings));
    TRY_DO(door.topics.create(call.tx(), id, settings, call.moment()));
    TRY_DO(tags::put(call.tx(), events::tagged(id), tags, tag_rules));
  }
  return call.output<api::CreateTopicResponse>().TopicArn(arn_of(id));
}

Result<> delete_topic(const SnsDoor& door, Call& call, api::DeleteTopicInput in) {
  TRY(const TopicId id, topic_of_arn(call, in.TopicArn()));
  door.topics.remove(call.tx(), id);
  return {};
}

Result<api::ListTopicsResponse> list_topics(const SnsDoor& door, Call& call,
                                            api::ListTopicsInput in) {
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::string after,
      tokens.position_or(service::unless_empty(in.NextToken()), bad_page_token));
  const std::string prefix = service::resource_key(call.caller(), "");
  std::vector<TopicId> ids = door.topics.list(call.tx(), prefix, after, page_items_max + 1);
  auto out = call.output<api::ListTopicsResponse>();
  out.Topics(wire::empty);
  out.NextToken(tokens.cut(ids, page_items_max, &TopicId::text));
  for (const TopicId& id : ids) out.add_Topics().TopicArn(arn_of(id));
  return out;
}

Result<api::GetTopicAttributesResponse> get_topic_attributes(const SnsDoor& door, Call& call,
                                                             api::GetTopicAttributesInput in) {
  TRY(const Topic topic, find(door, call, in.TopicArn()));
  const auto counts = door.topics.count(call.tx(), topic.id);
  const std::string owner = topic.id.text.substr(0, topic.id.text.find('/'));
  auto attributes = topic_attributes(topic);
  if (const auto policy = attributes.find("Policy"); policy != attributes.end())
    policy->second = service::shown_policy(
        call, std::move(policy->second), identity::principal_ids_of(principals_of(topic.settings)));
  attributes["TopicArn"] = arn_of(topic.id);
  attributes["Owner"] = owner;
  attributes["SubscriptionsConfirmed"] = fmt::to_string(counts.confirmed);
  attributes["SubscriptionsPending"] = fmt::to_string(counts.pending);
  attributes["SubscriptionsDeleted"] = "0";
  attributes["EffectiveDeliveryPolicy"] = effective_policy_text(topic.settings);
  attributes.try_emplace("Policy", default_policy(topic.id));
  auto out = call.output<api::GetTopicAttributesResponse>();
  for (const auto& [name, value] : attributes) out.put_Attributes(name, value);
  return out;
}

Result<> set_topic_attributes(const SnsDoor& door, Call& call, api::SetTopicAttributesInput in) {
  TRY(const Topic topic, find(door, call, in.TopicArn()));
  TopicSettings settings = topic.settings;
  if (in.AttributeName() == "FifoTopic") return invalid("AttributeName");
  TRY_DO(read_topic_attribute(in.AttributeName(), in.AttributeValue().value_or(""), settings));
  if (in.AttributeName() == "Policy") TRY_DO(bind_policy(call, settings));
  return door.topics.change_settings(call.tx(), topic.id, settings);
}

Result<> add_permission(const SnsDoor& door, Call& call, api::AddPermissionInput in) {
  TRY(const Topic topic, find(door, call, in.TopicArn()));
  service::PolicyStatement statement{
      .label = std::string(in.Label()), .resource = arn_of(topic.id), .service = "SNS"};
  for (const std::string_view account : in.AWSAccountId()) statement.accounts.emplace_back(account);
  for (const std::string_view action : in.ActionName()) {
    TRY_DO(check_policy_action(action));
    statement.actions.emplace_back(action);
  }
  auto policy = service::add_statement(policy_of(topic), statement);
  if (!policy) return invalid("Statement already exists");
  return put_policy(door, call, topic, *std::move(policy));
}

Result<> remove_permission(const SnsDoor& door, Call& call, api::RemovePermissionInput in) {
  TRY(const Topic topic, find(door, call, in.TopicArn()));
  auto policy = service::remove_statement(policy_of(topic), in.Label());
  if (!policy)
    return invalid(fmt::format("Value {} for parameter Label is invalid. Reason: can't find label.",
                               in.Label()));
  return put_policy(door, call, topic, *std::move(policy));
}

Result<api::TagResourceResponse> tag_resource(const SnsDoor& door, Call& call,
                                              api::TagResourceRequest in) {
  TRY(const Topic topic, find_tagged(door, call, in.ResourceArn()));
  TRY(const tags::TagList given, read_tags(in.Tags()));
  if (!tags::put(call.tx(), events::tagged(topic.id), given, tag_rules)) return too_many_tags();
  return call.output<api::TagResourceResponse>();
}

Result<api::UntagResourceResponse> untag_resource(const SnsDoor& door, Call& call,
                                                  api::UntagResourceRequest in) {
  TRY(const Topic topic, find_tagged(door, call, in.ResourceArn()));
  const std::vector<std::string> keys(in.TagKeys().begin(), in.TagKeys().end());
  tags::erase(call.tx(), events::tagged(topic.id), keys, tag_rules);
  return call.output<api::UntagResourceResponse>();
}

Result<api::ListTagsForResourceResponse> list_tags_for_resource(
    const SnsDoor& door, Call& call, api::ListTagsForResourceRequest in) {
  TRY(const Topic topic, find_tagged(door, call, in.ResourceArn()));
  auto out = call.output<api::ListTagsForResourceResponse>();
  out.Tags(wire::empty);
  for (const auto& [key, value] : tags::list(call.tx(), events::tagged(topic.id)))
    out.add_Tags().Key(key).Value(value);
  return out;
}

}  // namespace slipway::sns
