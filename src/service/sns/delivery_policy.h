// DeliveryPolicy of topics and subscriptions: how web servers are delivered to.
// docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
#pragma once

#include <string>
#include <string_view>

#include "engine/events/topics.h"
#include "service/sns/door.h"

namespace slipway::sns {

// Takes the place of all that was said before; empty: of nothing. InvalidParameter; not_implemented
// for a member that would do nothing here.
Result<> read_delivery_policy(std::string_view text, events::TopicSettings& settings);
Result<> read_delivery_policy(std::string_view text, events::SubscriptionSettings& settings);

// What holds, as AWS shows it: EffectiveDeliveryPolicy.
std::string effective_policy_text(const events::TopicSettings& topic);
std::string effective_policy_text(const events::TopicSettings& topic,
                                  const events::SubscriptionSettings& subscription);

}  // namespace slipway::sns
