// Topics' and subscriptions' attributes by AWS's names. All refuse with InvalidParameter.
#pragma once

#include <string_view>

#include "service/sns/door.h"

namespace slipway::sns {

Result<> read_topic_attribute(std::string_view name, std::string_view value,
                              events::TopicSettings& settings);
// Name and text of all that a topic's settings say.
std::map<std::string, std::string> topic_attributes(const events::Topic& topic);

// FilterPolicy is checked against the scope when all attributes are read: check_filter().
Result<> read_subscription_attribute(std::string_view name, std::string_view value,
                                     events::SubscriptionSettings& settings);
Result<> check_filter(const events::SubscriptionSettings& settings);
std::map<std::string, std::string> subscription_attributes(
    const events::Subscription& subscription);

}  // namespace slipway::sns
