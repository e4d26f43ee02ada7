// Topics' and subscriptions' attributes by AWS's names. All refuse with InvalidParameter.
#pragma once

#include <string_view>

#include "service/sns/door.h"

namespace slipway::sns {

// What a subscription remembers of its confirmation: whether the call was signed, and whether
// ending it needs a signature. "true" or "false", from the first confirmation on.
inline constexpr std::string_view note_authenticated = "ConfirmationWasAuthenticated";
inline constexpr std::string_view note_protected = "AuthenticateOnUnsubscribe";

// The ARN of who subscribed.
inline constexpr std::string_view note_subscriber = "SubscriptionPrincipal";

// Beside a topic's policy, whom it names: lines of identity::PrincipalIds. Shown to nobody.
inline constexpr std::string_view note_principals = "PolicyPrincipals";

Result<> read_topic_attribute(std::string_view name, std::string_view value,
                              events::TopicSettings& settings);
// Whether a topic's policy may speak of it: "Publish", "*".
Result<> check_policy_action(std::string_view action);
// Takes down who the principals of a policy that was given are now.
Result<> bind_policy(Call& call, events::TopicSettings& settings);
// A new topic's policy as AWS shows it. It gives nobody anything that a caller's own policies do
// not.
std::string default_policy(const events::TopicId& id);
// The lines of note_principals; empty where the policy names nobody.
std::string principals_of(const events::TopicSettings& settings);
// Name and text of all that a topic's settings say.
std::map<std::string, std::string> topic_attributes(const events::Topic& topic);

// FilterPolicy is checked against the scope when all attributes are read: check_filter().
Result<> read_subscription_attribute(std::string_view name, std::string_view value,
                                     events::SubscriptionSettings& settings);
Result<> check_filter(const events::SubscriptionSettings& settings);
// Whether the protocol delivers in that form: nothing is bare for people.
Result<> check_form(const events::Subscription& subscription);
// Of a subscription's dead letters, by the names of topic, endpoint and queue alone.
Result<> check_redrive(const events::Subscription& subscription);
std::map<std::string, std::string> subscription_attributes(
    const events::Topic& topic, const events::Subscription& subscription);

}  // namespace slipway::sns
