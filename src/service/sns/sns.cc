#include "service/sns/sns.h"

#include "service/sns/operations.h"
#include "service/sns/resource_types.h"

namespace slipway::sns {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AuthorizationErrorException", 403},
    {"no_topic", "NotFoundException", 404},
    {"no_subscription", "NotFoundException", 404},
    {"no_application", "NotFoundException", 404},
    {"no_device", "NotFoundException", 404},
    {"too_many_subscriptions", "SubscriptionLimitExceededException", 403},
    {"no_deduplication", "InvalidParameterException", 400},
    // A message attribute that cannot be one has an error of its own: ParameterValueInvalid.
    {"InvalidParameterValueException", "InvalidParameterValueException", 400},
    {"invalid_argument", "InvalidParameterException", 400},
};

// A function of this door as a handler.
template <auto operation>
auto with(const SnsDoor& door) {
  return [door](Call& call, auto in) { return operation(door, call, in); };
}

// Of mobile applications, their devices, and text messages.
void install_mobile(service::Registry& registry, const SnsDoor& door) {
  namespace op = api::op;
  registry.begin(api::schema(), errors)
      .add<op::CreatePlatformApplication>(with<create_platform_application>(door))
      .add<op::DeletePlatformApplication>(with<delete_platform_application>(door))
      .add<op::ListPlatformApplications>(with<list_platform_applications>(door))
      .add<op::GetPlatformApplicationAttributes>(with<get_platform_application_attributes>(door))
      .add<op::SetPlatformApplicationAttributes>(with<set_platform_application_attributes>(door))
      .add<op::CreatePlatformEndpoint>(with<create_platform_endpoint>(door))
      .add<op::DeleteEndpoint>(with<delete_endpoint>(door))
      .add<op::GetEndpointAttributes>(with<get_endpoint_attributes>(door))
      .add<op::SetEndpointAttributes>(with<set_endpoint_attributes>(door))
      .add<op::ListEndpointsByPlatformApplication>(
          with<list_endpoints_by_platform_application>(door))
      .add<op::SetSMSAttributes>(with<set_sms_attributes>(door))
      .add<op::GetSMSAttributes>(with<get_sms_attributes>(door))
      .add<op::CheckIfPhoneNumberIsOptedOut>(with<check_if_phone_number_is_opted_out>(door))
      .add<op::ListPhoneNumbersOptedOut>(with<list_phone_numbers_opted_out>(door))
      .add<op::OptInPhoneNumber>(with<opt_in_phone_number>(door))
      .add<op::GetSMSSandboxAccountStatus>(with<get_sms_sandbox_account_status>(door));
}

}  // namespace

void install(service::Registry& registry, const events::Topics& topics,
             const events::MobileDirectory& mobile, const events::Deliverer& deliverer,
             net::Reach reach) {
  namespace op = api::op;
  const SnsDoor door{topics, mobile, deliverer, deliverer.publisher(), reach};
  registry.begin(api::schema(), errors)
      .add_types(resource_types())
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
      .add<op::PublishBatch>(with<publish_batch>(door))
      .prepare<op::Publish>(with<prepare_publish>(door))
      .prepare<op::PublishBatch>(with<prepare_publish_batch>(door));
  install_mobile(registry, door);
}

}  // namespace slipway::sns
