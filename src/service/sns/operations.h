// The operations of this door; each stands in the file of what it is about. All refuse NotFound for
// what is not there and InvalidParameter for what cannot be.
#pragma once

#include <any>

#include "service/sns/door.h"

namespace slipway::sns {

// topic.cc
Result<api::CreateTopicResponse> create_topic(const SnsDoor& door, Call& call,
                                              api::CreateTopicInput in);
Result<> delete_topic(const SnsDoor& door, Call& call, api::DeleteTopicInput in);
Result<api::ListTopicsResponse> list_topics(const SnsDoor& door, Call& call,
                                            api::ListTopicsInput in);
Result<api::GetTopicAttributesResponse> get_topic_attributes(const SnsDoor& door, Call& call,
                                                             api::GetTopicAttributesInput in);
Result<> set_topic_attributes(const SnsDoor& door, Call& call, api::SetTopicAttributesInput in);
// Statements in the topic's Policy, which decides beside the caller's own policies.
Result<> add_permission(const SnsDoor& door, Call& call, api::AddPermissionInput in);
Result<> remove_permission(const SnsDoor& door, Call& call, api::RemovePermissionInput in);
Result<api::TagResourceResponse> tag_resource(const SnsDoor& door, Call& call,
                                              api::TagResourceRequest in);
Result<api::UntagResourceResponse> untag_resource(const SnsDoor& door, Call& call,
                                                  api::UntagResourceRequest in);
Result<api::ListTagsForResourceResponse> list_tags_for_resource(const SnsDoor& door, Call& call,
                                                                api::ListTagsForResourceRequest in);

// subscription.cc
Result<api::SubscribeResponse> subscribe(const SnsDoor& door, Call& call, api::SubscribeInput in);
Result<api::ConfirmSubscriptionResponse> confirm_subscription(const SnsDoor& door, Call& call,
                                                              api::ConfirmSubscriptionInput in);
Result<> unsubscribe(const SnsDoor& door, Call& call, api::UnsubscribeInput in);
Result<api::ListSubscriptionsResponse> list_subscriptions(const SnsDoor& door, Call& call,
                                                          api::ListSubscriptionsInput in);
Result<api::ListSubscriptionsByTopicResponse> list_subscriptions_by_topic(
    const SnsDoor& door, Call& call, api::ListSubscriptionsByTopicInput in);
Result<api::GetSubscriptionAttributesResponse> get_subscription_attributes(
    const SnsDoor& door, Call& call, api::GetSubscriptionAttributesInput in);
Result<> set_subscription_attributes(const SnsDoor& door, Call& call,
                                     api::SetSubscriptionAttributesInput in);

// publish.cc
// The copies that subscribers get of what is about to be published, made before the change that
// publishes it (events/publisher.h).
std::any prepare_publish(const SnsDoor& door, Call& call, api::PublishInput in);
std::any prepare_publish_batch(const SnsDoor& door, Call& call, api::PublishBatchInput in);
Result<api::PublishResponse> publish(const SnsDoor& door, Call& call, api::PublishInput in);
Result<api::PublishBatchResponse> publish_batch(const SnsDoor& door, Call& call,
                                                api::PublishBatchInput in);

// application.cc
Result<api::CreatePlatformApplicationResponse> create_platform_application(
    const SnsDoor& door, Call& call, api::CreatePlatformApplicationInput in);
Result<> delete_platform_application(const SnsDoor& door, Call& call,
                                     api::DeletePlatformApplicationInput in);
Result<api::ListPlatformApplicationsResponse> list_platform_applications(
    const SnsDoor& door, Call& call, api::ListPlatformApplicationsInput in);
Result<api::GetPlatformApplicationAttributesResponse> get_platform_application_attributes(
    const SnsDoor& door, Call& call, api::GetPlatformApplicationAttributesInput in);
Result<> set_platform_application_attributes(const SnsDoor& door, Call& call,
                                             api::SetPlatformApplicationAttributesInput in);

// device.cc
Result<api::CreateEndpointResponse> create_platform_endpoint(const SnsDoor& door, Call& call,
                                                             api::CreatePlatformEndpointInput in);
Result<> delete_endpoint(const SnsDoor& door, Call& call, api::DeleteEndpointInput in);
Result<api::GetEndpointAttributesResponse> get_endpoint_attributes(
    const SnsDoor& door, Call& call, api::GetEndpointAttributesInput in);
Result<> set_endpoint_attributes(const SnsDoor& door, Call& call,
                                 api::SetEndpointAttributesInput in);
Result<api::ListEndpointsByPlatformApplicationResponse> list_endpoints_by_platform_application(
    const SnsDoor& door, Call& call, api::ListEndpointsByPlatformApplicationInput in);

// text_message.cc
Result<api::SetSMSAttributesResponse> set_sms_attributes(const SnsDoor& door, Call& call,
                                                         api::SetSMSAttributesInput in);
Result<api::GetSMSAttributesResponse> get_sms_attributes(const SnsDoor& door, Call& call,
                                                         api::GetSMSAttributesInput in);
Result<api::CheckIfPhoneNumberIsOptedOutResponse> check_if_phone_number_is_opted_out(
    const SnsDoor& door, Call& call, api::CheckIfPhoneNumberIsOptedOutInput in);
Result<api::ListPhoneNumbersOptedOutResponse> list_phone_numbers_opted_out(
    const SnsDoor& door, Call& call, api::ListPhoneNumbersOptedOutInput in);
Result<api::OptInPhoneNumberResponse> opt_in_phone_number(const SnsDoor& door, Call& call,
                                                          api::OptInPhoneNumberInput in);
Result<api::GetSMSSandboxAccountStatusResult> get_sms_sandbox_account_status(
    const SnsDoor& door, Call& call, api::GetSMSSandboxAccountStatusInput in);

}  // namespace slipway::sns
