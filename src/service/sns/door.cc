#include "service/sns/door.h"

#include <algorithm>

#include "base/text.h"
#include "service/arn.h"

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

std::string arn_of(const events::TopicId& id) { return arn_text("sns", id.text); }

std::string arn_of(const events::Subscription& subscription) {
  return fmt::format("{}:{}", arn_of(subscription.topic), subscription.id);
}

Result<events::TopicId> topic_of_arn(std::string_view text) {
  const auto arn = service::parse_arn(text);
  if (!arn || arn->service != "sns" || arn->resource.contains(':') || arn->region.empty() ||
      arn->account.empty())
    return invalid(fmt::format("TopicArn Reason: An ARN must have at least 6 elements, not {}",
                               std::ranges::count(text, ':') + 1));
  return events::TopicId{arn->key()};
}

Result<std::string> subscription_of_arn(std::string_view text) {
  const auto arn = service::parse_arn(text);
  if (!arn || arn->service != "sns" || !arn->resource.contains(':'))
    return invalid("SubscriptionArn Reason: An ARN must have at least 7 elements");
  return std::string(arn->resource.substr(arn->resource.rfind(':') + 1));
}

std::string_view protocol_of(const events::Subscription& subscription) {
  if (subscription.channel == events::Channel::queue) return "sqs";
  return starts_with_ignoring_case(subscription.endpoint, "https:") ? "https" : "http";
}

std::string endpoint_of(const events::Subscription& subscription) {
  if (subscription.channel == events::Channel::queue) return arn_text("sqs", subscription.endpoint);
  return subscription.endpoint;
}

std::string delivery_policy_text(const events::RetryPolicy& retry) {
  constexpr std::string_view growth[] = {"linear", "arithmetic", "geometric", "exponential"};
  return fmt::format(
      R"({{"minDelayTarget":{},"maxDelayTarget":{},"numRetries":{},"numMaxDelayRetries":{},)"
      R"("numNoDelayRetries":{},"numMinDelayRetries":{},"backoffFunction":"{}"}})",
      retry.delay_min.count(), retry.delay_max.count(), retry.retries, retry.at_delay_max,
      retry.at_once, retry.at_delay_min, growth[static_cast<int>(retry.growth)]);
}

}  // namespace slipway::sns
