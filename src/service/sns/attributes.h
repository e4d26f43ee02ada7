// Topics' and subscriptions' attributes by AWS's names. All refuse with InvalidParameter.
#pragma once

#include <string_view>

#include "service/sns/door.h"

namespace slipway::sns {

// What a subscription remembers of its confirmation: whether the call was signed, and whether
// ending it needs a signature. "true" or "false", from the first confirmation on.
inline constexpr std::string_view note_authenticated = "ConfirmationWasAuthenticated";
inline constexpr std::string_view note_protected = "AuthenticateOnUnsubscribe";

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
