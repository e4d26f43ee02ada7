#include "service/sns/door.h"

#include <algorithm>

#include "base/text.h"
#include "service/arn.h"
#include "service/sns/mobile.h"

namespace slipway::sns {
namespace {

std::string arn_text(std::string_view service, std::string_view id) {
  const std::string_view account = take_until(id, '/');
  const std::string_view region = take_until(id, '/');
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region, account, id);
}

}  // namespace

std::string sequence_text(std::int64_t sequence) {
  constexpr std::uint64_t base = 10'000'000'000'000'000'000ULL;
  return fmt::to_string(base + static_cast<std::uint64_t>(sequence));
}

std::string arn_of_mobile(std::string_view id) { return arn_text("sns", id); }

std::string arn_of(const events::TopicId& id) { return arn_text("sns", id.text); }

std::string arn_of(const events::Subscription& subscription) {
  return fmt::format("{}:{}", arn_of(subscription.topic), subscription.id);
}

Result<events::TopicId> topic_of_arn(std::string_view text) {
  const auto arn = service::parse_arn(text);
  if (const auto parts = std::ranges::count(text, ':') + 1; parts < 6)
    return invalid(
        fmt::format("TopicArn Reason: An ARN must have at least 6 elements, not {}", parts));
  if (!arn || arn->service != "sns" || arn->resource.contains(':') || arn->region.empty() ||
      arn->account.empty())
    return invalid("TopicArn");
  return events::TopicId{arn->key()};
}

Result<events::TopicId> topic_of_arn(const Call& call, std::string_view text) {
  TRY(events::TopicId id, topic_of_arn(text));
  if (service::parse_arn(text)->region != call.region()) return invalid("TopicArn");
  return id;
}

Result<std::string> subscription_of_arn(std::string_view text) {
  if (text.empty()) return invalid("SubscriptionArn Reason: no value for required parameter");
  if (const auto parts = std::ranges::count(text, ':') + 1; parts < 6)
    return invalid(
        fmt::format("SubscriptionArn Reason: An ARN must have at least 6 elements, not {}", parts));
  const auto arn = service::parse_arn(text);
  if (!arn || arn->service != "sns" || !arn->resource.contains(':'))
    return invalid("SubscriptionId");
  return std::string(arn->resource.substr(arn->resource.rfind(':') + 1));
}

std::string_view protocol_of(const events::Subscription& subscription) {
  using events::Channel;
  switch (subscription.channel) {
    case Channel::queue: return "sqs";
    case Channel::text: return "sms";
    case Channel::mail: return "email";
    case Channel::mail_json: return "email-json";
    case Channel::device: return "application";
    case Channel::http: break;
  }
  return starts_with_ignoring_case(subscription.endpoint, "https:") ? "https" : "http";
}

std::string endpoint_of(const events::Subscription& subscription) {
  if (subscription.channel == events::Channel::queue) return arn_text("sqs", subscription.endpoint);
  if (subscription.channel == events::Channel::device) return arn_of_mobile(subscription.endpoint);
  return subscription.endpoint;
}

}  // namespace slipway::sns
