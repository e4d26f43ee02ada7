// A queue's attributes by AWS's names: each in one table, with its limits.
#pragma once

#include <string>
#include <string_view>

#include "service/sqs/door.h"

namespace slipway::sqs {

// Lays `given` over `settings`. InvalidAttributeName ("Unknown Attribute X."),
// InvalidAttributeValue. FifoQueue is the queue's type and is not among them.
Result<> read_settings(const wire::MapView<std::string_view>& given,
                       events::QueueSettings& settings);

// KmsNotFound where the queue names another key than AWS's own, with which nothing is encrypted
// here either: there are no keys of KMS.
Result<> check_key(const events::QueueSettings& settings);

// What settings must say together. InvalidAttributeValue.
Result<> check_throughput(const events::QueueSettings& settings);

// Beside the policy, whom it names: lines of identity::PrincipalIds. Shown to nobody.
inline constexpr std::string_view note_principals = "PolicyPrincipals";

// Takes down who the principals of a policy that was given are now. InvalidAttributeValue for one
// that there is not.
Result<> bind_policy(Call& call, events::QueueSettings& settings);
// These lines; empty where the policy names nobody.
std::string principals_of(const events::QueueSettings& settings);

// RedrivePolicy must name a queue of the same kind that lets this one use it. Refuses as
// read_settings().
Result<> check_dead_letters(Call& call, const SqsDoor& door, const events::QueueId& id,
                            const events::QueueSettings& settings);

// One setting as AWS shows it; nothing where it is not set, or not one that a queue of this order
// has. "All" is not a name here.
std::optional<std::string> setting_text(const events::QueueSettings& settings,
                                        std::string_view name);
std::span<const std::string_view> setting_names();

}  // namespace slipway::sqs
