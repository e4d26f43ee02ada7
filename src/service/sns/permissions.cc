// Who may do what with topics, by the policies that topics have of their own too. A subscription is
// its topic's.
#include "service/permissions.h"

#include "service/arn.h"
#include "service/sns/attributes.h"
#include "service/sns/door.h"
#include "service/sns/sns.h"

namespace slipway::sns {
namespace {

using service::Guarded;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;

constexpr std::string_view the_topic = "{topic}";
constexpr std::string_view all_topics = "{arn}:*";
constexpr std::string_view the_application = "{PlatformApplicationArn}";
constexpr std::string_view the_device = "{EndpointArn}";

constexpr Need needs[] = {
    {"CreateTopic", "sns:CreateTopic", "{arn}:{Name}"},
    Need{"CreateTopic", "sns:TagResource", "{arn}:{Name}"}.where("Tags"),
    {"DeleteTopic", "sns:DeleteTopic", the_topic},
    Need{"ListTopics", "sns:ListTopics"}.shown_as(all_topics),
    {"GetTopicAttributes", "sns:GetTopicAttributes", the_topic},
    {"SetTopicAttributes", "sns:SetTopicAttributes", the_topic},
    {"AddPermission", "sns:AddPermission", the_topic},
    {"RemovePermission", "sns:RemovePermission", the_topic},
    {"TagResource", "sns:TagResource", the_topic},
    {"UntagResource", "sns:UntagResource", the_topic},
    {"ListTagsForResource", "sns:ListTagsForResource", the_topic},
    {"Subscribe", "sns:Subscribe", the_topic},
    {"ConfirmSubscription", "sns:ConfirmSubscription", the_topic},
    {"Unsubscribe", "sns:Unsubscribe", the_topic},
    Need{"ListSubscriptions", "sns:ListSubscriptions"}.shown_as(all_topics),
    {"ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", the_topic},
    {"GetSubscriptionAttributes", "sns:GetSubscriptionAttributes", the_topic},
    {"SetSubscriptionAttributes", "sns:SetSubscriptionAttributes", the_topic},
    Need{"Publish", "sns:Publish", the_topic}.where("!PhoneNumber"),
    Need{"Publish", "sns:Publish"}.where("PhoneNumber").shown_as("{PhoneNumber}"),
    {"PublishBatch", "sns:Publish", the_topic},
    {"CreatePlatformApplication", "sns:CreatePlatformApplication", "{arn}:app/{Platform}/{Name}"},
    {"DeletePlatformApplication", "sns:DeletePlatformApplication", the_application},
    Need{"ListPlatformApplications", "sns:ListPlatformApplications"}.shown_as(all_topics),
    {"GetPlatformApplicationAttributes", "sns:GetPlatformApplicationAttributes", the_application},
    {"SetPlatformApplicationAttributes", "sns:SetPlatformApplicationAttributes", the_application},
    {"CreatePlatformEndpoint", "sns:CreatePlatformEndpoint", the_application},
    {"DeleteEndpoint", "sns:DeleteEndpoint", the_device},
    {"GetEndpointAttributes", "sns:GetEndpointAttributes", the_device},
    {"SetEndpointAttributes", "sns:SetEndpointAttributes", the_device},
    {"ListEndpointsByPlatformApplication", "sns:ListEndpointsByPlatformApplication",
     the_application},
    Need{"SetSMSAttributes", "sns:SetSMSAttributes"}.shown_as(all_topics),
    Need{"GetSMSAttributes", "sns:GetSMSAttributes"}.shown_as(all_topics),
    Need{"CheckIfPhoneNumberIsOptedOut", "sns:CheckIfPhoneNumberIsOptedOut"}.shown_as(all_topics),
    Need{"ListPhoneNumbersOptedOut", "sns:ListPhoneNumbersOptedOut"}.shown_as(all_topics),
    Need{"OptInPhoneNumber", "sns:OptInPhoneNumber"}.shown_as(all_topics),
    Need{"GetSMSSandboxAccountStatus", "sns:GetSMSSandboxAccountStatus"}.shown_as(all_topics),
};

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "Tags"},
    {"aws:TagKeys", "Tags", Arity::many},
    {"aws:TagKeys", "TagKeys", Arity::many},
    {"sns:Protocol", "Protocol"},
    {"sns:Endpoint", "Endpoint"},
};

// As the handlers understand it: what they would not find is asked for as it is written.
std::string topic_of_request(const Question& question) {
  for (const std::string_view path : {"TopicArn", "TargetArn", "ResourceArn"})
    if (const auto arns = question.texts(path); !arns.empty()) {
      const auto id = topic_of_arn(arns.front());
      return id ? arn_of(*id) : arns.front();
    }
  return {};
}

// Of the subscription itself, whatever topic its ARN claims.
std::string topic_of_subscription(const events::Topics& topics, const Question& question) {
  const std::string arn = question.text("SubscriptionArn");
  const auto id = subscription_of_arn(arn);
  if (!id) return arn;
  const auto subscription = topics.find_subscription(question.call().tx(), *id);
  return subscription ? arn_of(subscription->topic) : arn.substr(0, arn.rfind(':'));
}

std::optional<std::vector<std::string>> word(const events::Topics& topics, const Question& question,
                                             std::string_view word) {
  if (word != "topic") return std::nullopt;
  if (question.has("SubscriptionArn")) return {{topic_of_subscription(topics, question)}};
  return {{topic_of_request(question)}};
}

}  // namespace

Guarded guarded(const events::Topics& topics, store::Transaction& tx, std::string_view arn) {
  // A mobile application and its devices are their account's, and have no policy of their own.
  if (const auto mobile = service::parse_arn(arn); mobile && mobile->resource.contains('/'))
    return {.account = std::string(mobile->account)};
  const auto named = topic_of_arn(arn);
  if (!named) return {};
  const auto topic = topics.find(tx, *named);
  if (!topic) return {};
  return service::guarded_by_notes(*topic, principals_of(topic->settings));
}

service::Permissions permissions(const events::Topics& topics) {
  return {.schema = api::schema(),
          .needs = needs,
          .keys = keys,
          .style = {.action = service::RefusalStyle::Action::service_in_capitals},
          .word = [&topics](const Question& question,
                            std::string_view name) { return word(topics, question, name); },
          .find = [&topics](const Question& question, std::string_view arn) -> Result<Guarded> {
            return guarded(topics, question.call().tx(), arn);
          }};
}

}  // namespace slipway::sns
