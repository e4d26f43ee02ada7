// What the operations of this door share: topics and subscriptions by ARN, AWS's words for what is
// wrong.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "engine/events/deliverer.h"
#include "engine/events/mobile.h"
#include "engine/events/publisher.h"
#include "engine/events/topics.h"
#include "gen/sns.h"
#include "net/reach.h"
#include "service/call.h"
#include "service/errors.h"

namespace slipway::sns {

namespace api = aws::sns;
using service::Call;
using service::refuse;

inline constexpr std::size_t page_items_max = 100;
inline constexpr std::string_view default_content_type = "text/plain; charset=UTF-8";

// Says what the operations of this door stand on. All outlive it.
struct SnsDoor {
  const events::Topics& topics;
  const events::MobileDirectory& mobile;
  const events::Deliverer& deliverer;
  const events::Publisher& publisher;
  net::Reach reach;
};

// "Invalid parameter: <what>"
inline std::unexpected<Error> invalid(std::string_view what) {
  return refuse("InvalidParameterException", fmt::format("Invalid parameter: {}", what));
}

inline std::unexpected<Error> bad_page_token() { return invalid("NextToken"); }

// With the 20 digits of AWS's.
std::string sequence_text(std::int64_t sequence);

std::string arn_of(const events::TopicId& id);
// "<topic's ARN>:<id>".
std::string arn_of(const events::Subscription& subscription);
// InvalidParameter where it is none of a topic.
Result<events::TopicId> topic_of_arn(std::string_view arn);
// The same of a topic that the call may be about: one of another region is none.
Result<events::TopicId> topic_of_arn(const Call& call, std::string_view arn);
// A subscription's own id, at the end of its ARN. InvalidParameter.
Result<std::string> subscription_of_arn(std::string_view arn);

// A protocol's name, and the endpoint as AWS spells it: "sqs" and a queue's ARN, or the scheme of a
// URL and the URL.
std::string_view protocol_of(const events::Subscription& subscription);
std::string endpoint_of(const events::Subscription& subscription);

}  // namespace slipway::sns
