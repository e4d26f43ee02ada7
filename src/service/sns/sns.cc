#include "service/sns/sns.h"

#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AuthorizationErrorException", 403},
    {"no_topic", "NotFoundException", 404},
    {"no_subscription", "NotFoundException", 404},
    {"too_many_subscriptions", "SubscriptionLimitExceededException", 403},
    {"no_deduplication", "InvalidParameterException", 400},
    // A message attribute that cannot be one has an error of its own: ParameterValueInvalid.
    {"InvalidParameterValueException", "InvalidParameterValueException", 400},
    {"invalid_argument", "InvalidParameterException", 400},
};

// A function of this door as a handler.
template <auto operation>
auto with(const Door& door) {
  return [door](Call& call, auto in) { return operation(door, call, in); };
}

}  // namespace

void install(service::Registry& registry, const events::Topics& topics,
             const events::Deliverer& deliverer, net::Reach reach) {
  namespace op = api::op;
  const Door door{topics, deliverer, reach};
  registry.begin(api::schema(), errors)
      .add<op::CreateTopic>(with<create_topic>(door))
      .add<op::DeleteTopic>(with<delete_topic>(door))
      .add<op::ListTopics>(with<list_topics>(door))
      .add<op::GetTopicAttributes>(with<get_topic_attributes>(door))
      .add<op::SetTopicAttributes>(with<set_topic_attributes>(door))
      .add<op::AddPermission>(with<add_permission>(door))
      .add<op::RemovePermission>(with<remove_permission>(door))
      .add<op::TagResource>(with<tag_resource>(door))
      .add<op::UntagResource>(with<untag_resource>(door))
      .add<op::ListTagsForResource>(with<list_tags_for_resource>(door))
      .add<op::Subscribe>(with<subscribe>(door))
      .add<op::ConfirmSubscription>(with<confirm_subscription>(door))
      .add<op::Unsubscribe>(with<unsubscribe>(door))
      .add<op::ListSubscriptions>(with<list_subscriptions>(door))
      .add<op::ListSubscriptionsByTopic>(with<list_subscriptions_by_topic>(door))
      .add<op::GetSubscriptionAttributes>(with<get_subscription_attributes>(door))
      .add<op::SetSubscriptionAttributes>(with<set_subscription_attributes>(door))
      .add<op::Publish>(with<publish>(door))
      .add<op::PublishBatch>(with<publish_batch>(door));
}

}  // namespace slipway::sns
