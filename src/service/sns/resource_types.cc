#include "service/sns/resource_types.h"

#include <boost/json.hpp>

#include "gen/sns.h"

namespace slipway::sns {
namespace {

namespace api = aws::sns;

using service::Property;
using service::PropertyPlace;
using service::ResourceType;
using Use = service::Property::Use;
namespace forms = service::forms;
namespace json = boost::json;
using service::Update;

constexpr service::Absence no_topic{"NotFoundException"};

// --- AWS::SNS::Topic ---

constexpr Property topic_properties[] = {
    {"TopicName", Use::create_only, forms::name_of_arn},
    {"FifoTopic", Use::create_only, forms::scalar_text},
    {"ContentBasedDeduplication", Use::settable, forms::scalar_text, "false"},
    {"DisplayName", Use::settable, forms::same, R"("")"},
    {"FifoThroughputScope", Use::settable, forms::same, R"("Topic")"},
    {"KmsMasterKeyId", Use::settable, forms::same, R"("")"},
    {"SignatureVersion", Use::settable, forms::same, R"("1")"},
    {"TracingConfig", Use::settable, forms::same, R"("PassThrough")"},
    {"Tags"},
    {"TopicArn", Use::attribute},
};
constexpr PropertyPlace topic_attributes[] = {
    {"FifoTopic", "Attributes.FifoTopic"},
    {"ContentBasedDeduplication", "Attributes.ContentBasedDeduplication"},
    {"DisplayName", "Attributes.DisplayName"},
    {"FifoThroughputScope", "Attributes.FifoThroughputScope"},
    {"KmsMasterKeyId", "Attributes.KmsMasterKeyId"},
    {"SignatureVersion", "Attributes.SignatureVersion"},
    {"TracingConfig", "Attributes.TracingConfig"},
};
constexpr PropertyPlace topic_at_first[] = {{"TopicName", "Name"}, {"Tags"}};
constexpr PropertyPlace topic_name[] = {{"TopicName", "Attributes.TopicArn"}};
constexpr auto topic_given = join_places(topic_attributes, topic_at_first);
constexpr auto topic_shown = join_places(topic_attributes, topic_name);
constexpr PropertyPlace tags[] = {{"Tags"}};
constexpr PropertyPlace tag_keys[] = {{"TagKeys"}};

constexpr service::Reading topic_readings[] = {
    {.step = {.operation = "GetTopicAttributes", .id = "TopicArn", .places = topic_shown}}};

// Each attribute is set by itself.
constexpr PropertyPlace deduplication[] = {{"ContentBasedDeduplication", "AttributeValue"}};
constexpr PropertyPlace display_name[] = {{"DisplayName", "AttributeValue"}};
constexpr PropertyPlace throughput_scope[] = {{"FifoThroughputScope", "AttributeValue"}};
constexpr PropertyPlace key_id[] = {{"KmsMasterKeyId", "AttributeValue"}};
constexpr PropertyPlace signature_version[] = {{"SignatureVersion", "AttributeValue"}};
constexpr PropertyPlace tracing[] = {{"TracingConfig", "AttributeValue"}};

constexpr Update set_topic(std::span<const PropertyPlace> value, std::string_view attribute) {
  return {.write = {.operation = "SetTopicAttributes",
                    .id = "TopicArn",
                    .places = value,
                    .fixed = attribute}};
}
constexpr Update topic_updates[] = {
    set_topic(deduplication, R"({"AttributeName":"ContentBasedDeduplication"})"),
    set_topic(display_name, R"({"AttributeName":"DisplayName"})"),
    set_topic(throughput_scope, R"({"AttributeName":"FifoThroughputScope"})"),
    set_topic(key_id, R"({"AttributeName":"KmsMasterKeyId"})"),
    set_topic(signature_version, R"({"AttributeName":"SignatureVersion"})"),
    set_topic(tracing, R"({"AttributeName":"TracingConfig"})"),
};

// --- AWS::SNS::TopicPolicy ---

// A topic without a policy of its own shows what AWS gives it.
Result<json::value> own_policy(const json::value& member) {
  TRY(json::value policy, forms::document.to_property(member));
  const json::object* const document = policy.if_object();
  const json::value* const id = document ? document->if_contains("Id") : nullptr;
  if (id && id->is_string() && id->get_string() == "__default_policy_ID") return nullptr;
  return policy;
}
const service::Form policy_form{forms::document.to_member, own_policy};

const Property policy_properties[] = {
    {"Topics"},
    {"PolicyDocument", Use::settable, policy_form},
    {"Id", Use::attribute},
};
constexpr PropertyPlace put_policy[] = {{"item", "TopicArn"}, {"PolicyDocument", "AttributeValue"}};
constexpr PropertyPlace topic_of_policy[] = {{"item", "TopicArn"}};
constexpr PropertyPlace policy_shown[] = {{"PolicyDocument", "Attributes.Policy"}};
constexpr service::Items policy_items[] = {
    {.property = "Topics",
     .add = {.operation = "SetTopicAttributes",
             .places = put_policy,
             .fixed = R"({"AttributeName":"Policy"})"},
     .remove = {.operation = "SetTopicAttributes",
                .places = topic_of_policy,
                .fixed = R"({"AttributeName":"Policy","AttributeValue":""})"},
     .get = {.operation = "GetTopicAttributes", .places = policy_shown},
     .absent = no_topic}};

// --- AWS::SNS::Subscription ---

constexpr Property subscription_properties[] = {
    {"TopicArn", Use::create_only},
    {"Protocol", Use::create_only},
    {"Endpoint", Use::create_only},
    {"DeliveryPolicy", Use::settable, forms::document, R"("")"},
    {"FilterPolicy", Use::settable, forms::document, R"("{}")"},
    {"FilterPolicyScope", Use::settable, forms::same, R"("MessageAttributes")"},
    {"RawMessageDelivery", Use::settable, forms::scalar_text, "false"},
    {"RedrivePolicy", Use::settable, forms::document, R"("")"},
    {"SubscriptionRoleArn", Use::settable},
    {"Arn", Use::attribute},
};
constexpr PropertyPlace subscription_attributes[] = {
    {"DeliveryPolicy", "Attributes.DeliveryPolicy"},
    {"FilterPolicy", "Attributes.FilterPolicy"},
    {"FilterPolicyScope", "Attributes.FilterPolicyScope"},
    {"RawMessageDelivery", "Attributes.RawMessageDelivery"},
    {"RedrivePolicy", "Attributes.RedrivePolicy"},
    {"SubscriptionRoleArn", "Attributes.SubscriptionRoleArn"},
};
constexpr PropertyPlace subscription_at_first[] = {{"TopicArn"}, {"Protocol"}, {"Endpoint"}};
constexpr PropertyPlace subscription_names[] = {{"TopicArn", "Attributes.TopicArn"},
                                                {"Protocol", "Attributes.Protocol"},
                                                {"Endpoint", "Attributes.Endpoint"}};
constexpr auto subscription_given = join_places(subscription_attributes, subscription_at_first);
constexpr auto subscription_shown = join_places(subscription_attributes, subscription_names);

constexpr service::Reading subscription_readings[] = {
    {.step = {.operation = "GetSubscriptionAttributes",
              .id = "SubscriptionArn",
              .places = subscription_shown}}};

constexpr PropertyPlace delivery_policy[] = {{"DeliveryPolicy", "AttributeValue"}};
constexpr PropertyPlace filter_policy[] = {{"FilterPolicy", "AttributeValue"}};
constexpr PropertyPlace filter_scope[] = {{"FilterPolicyScope", "AttributeValue"}};
constexpr PropertyPlace raw_delivery[] = {{"RawMessageDelivery", "AttributeValue"}};
constexpr PropertyPlace redrive_policy[] = {{"RedrivePolicy", "AttributeValue"}};
constexpr PropertyPlace role_arn[] = {{"SubscriptionRoleArn", "AttributeValue"}};

constexpr Update set_subscription(std::span<const PropertyPlace> value,
                                  std::string_view attribute) {
  return {.write = {.operation = "SetSubscriptionAttributes",
                    .id = "SubscriptionArn",
                    .places = value,
                    .fixed = attribute}};
}
// The scope first: a policy is read as its scope has it.
constexpr Update subscription_updates[] = {
    set_subscription(filter_scope, R"({"AttributeName":"FilterPolicyScope"})"),
    set_subscription(filter_policy, R"({"AttributeName":"FilterPolicy"})"),
    set_subscription(delivery_policy, R"({"AttributeName":"DeliveryPolicy"})"),
    set_subscription(raw_delivery, R"({"AttributeName":"RawMessageDelivery"})"),
    set_subscription(redrive_policy, R"({"AttributeName":"RedrivePolicy"})"),
    set_subscription(role_arn, R"({"AttributeName":"SubscriptionRoleArn"})"),
};

const ResourceType types[] = {
    {.name = "AWS::SNS::Topic",
     .schema = api::schema(),
     .properties = topic_properties,
     .identifier = "TopicArn",
     .made = "TopicArn",
     .named = "TopicName",
     .create = {.operation = "CreateTopic", .places = topic_given},
     .probe = {.step = {.operation = "GetTopicAttributes", .id = "TopicArn"},
               .id = "arn:aws:sns:{region}:{account}:{name}"},
     .readings = topic_readings,
     .gone = no_topic,
     .updates = topic_updates,
     .tagging = {.add = {.operation = "TagResource", .id = "ResourceArn", .places = tags},
                 .remove = {.operation = "UntagResource", .id = "ResourceArn", .places = tag_keys},
                 .list = {.operation = "ListTagsForResource", .id = "ResourceArn", .places = tags}},
     .remove = {.operation = "DeleteTopic", .id = "TopicArn"},
     .list = {.operation = "ListTopics"},
     .listed = "Topics.TopicArn",
     .paging = {"NextToken", "NextToken"},
     .refused = "ArchivePolicy DataProtectionPolicy DeliveryStatusLogging MaximumMessageSize "
                "Subscription"},
    {.name = "AWS::SNS::TopicPolicy",
     .schema = api::schema(),
     .properties = policy_properties,
     .identifier = "Id",
     .named = "Id",
     .gone = no_topic,
     .items = policy_items},
    {.name = "AWS::SNS::Subscription",
     .schema = api::schema(),
     .properties = subscription_properties,
     .identifier = "Arn",
     .made = "SubscriptionArn",
     .create = {.operation = "Subscribe",
                .places = subscription_given,
                .fixed = R"({"ReturnSubscriptionArn":true})"},
     .readings = subscription_readings,
     .gone = no_topic,
     .updates = subscription_updates,
     .remove = {.operation = "Unsubscribe", .id = "SubscriptionArn"},
     .list = {.operation = "ListSubscriptions"},
     .listed = "Subscriptions.SubscriptionArn",
     .paging = {"NextToken", "NextToken"},
     .refused = "Region ReplayPolicy"},
};

}  // namespace

std::span<const ResourceType> resource_types() { return types; }

}  // namespace slipway::sns
