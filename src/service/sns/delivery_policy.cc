#include "service/sns/delivery_policy.h"

#include <algorithm>
#include <boost/json.hpp>
#include <span>

namespace slipway::sns {
namespace {

namespace json = boost::json;
using events::HttpPolicy;
using events::RetryPolicy;

constexpr std::size_t policy_bytes_max = 262'144;
constexpr std::uint32_t retries_max = 100;
constexpr std::uint32_t delay_seconds_max = 3600;
constexpr std::uint32_t receives_per_second_max = 1'000'000;  // AWS publishes none: a choice

// The members of a policy by what they say; a topic's are the defaults of its subscriptions.
struct Members {
  std::string_view retry;
  std::string_view throttle;
  std::string_view request;
};
constexpr Members of_topics{"defaultHealthyRetryPolicy", "defaultThrottlePolicy",
                            "defaultRequestPolicy"};
constexpr Members of_subscriptions{"healthyRetryPolicy", "throttlePolicy", "requestPolicy"};
constexpr std::string_view retry_members[] = {
    "minDelayTarget",    "maxDelayTarget",     "numRetries",     "numMaxDelayRetries",
    "numNoDelayRetries", "numMinDelayRetries", "backoffFunction"};
constexpr std::string_view throttle_members[] = {"maxReceivesPerSecond"};
constexpr std::string_view request_members[] = {"headerContentType"};
constexpr std::string_view growths[] = {"linear", "arithmetic", "geometric", "exponential"};

std::unexpected<Error> wrong(std::string_view what) {
  return invalid(fmt::format("DeliveryPolicy: {}", what));
}

Result<json::object> object_of(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object() || text.size() > policy_bytes_max)
    return wrong("failed to parse JSON");
  return std::move(value.as_object());
}

// Null where the member is not there, or says nothing.
Result<const json::object*> member_of(const json::object& policy, std::string_view name) {
  const json::value* const value = policy.if_contains({name.data(), name.size()});
  if (!value || value->is_null()) return nullptr;
  if (!value->is_object()) return wrong(fmt::format("{} must be an object", name));
  return &value->as_object();
}

// What a policy says besides must be nothing: it would do nothing. AWS shows sicklyRetryPolicy and
// guaranteed in policies and has nothing in them.
Result<> check_members(const json::object& policy, std::span<const std::string_view> known) {
  for (const auto& [name, value] : policy) {
    const bool says_nothing = value.is_null() || (value.is_bool() && !value.get_bool());
    if (!says_nothing && std::ranges::find(known, std::string_view(name)) == known.end())
      return std::unexpected(Error{ErrorCode::not_implemented,
                                   fmt::format("Slipway does nothing by '{}' in a DeliveryPolicy.",
                                               std::string_view(name))});
  }
  return {};
}

// A whole number of a delivery policy; `out` stays where it is not there.
template <typename T>
Result<> read_number(const json::object& policy, std::string_view name, std::uint32_t most,
                     T& out) {
  const json::value* value = policy.if_contains({name.data(), name.size()});
  if (!value || value->is_null()) return {};
  if (!value->is_int64() || value->as_int64() < 0 || value->as_int64() > most)
    return wrong(fmt::format("{} must be between 0 and {}", name, most));
  out = static_cast<T>(value->as_int64());
  return {};
}

// What a policy says, as AWS shows it again: in its order, without what says nothing.
json::value said(const json::object* policy, std::span<const std::string_view> members) {
  if (policy == nullptr) return nullptr;
  json::object out;
  for (const std::string_view name : members)
    if (const json::value* value = policy->if_contains(name); value && !value->is_null())
      out[name] = *value;
  return out;
}

Result<RetryPolicy> read_retry(const json::object& policy) {
  TRY_DO(check_members(policy, retry_members));
  RetryPolicy out;
  std::uint32_t least = static_cast<std::uint32_t>(out.delay_min.count());
  std::uint32_t most = static_cast<std::uint32_t>(out.delay_max.count());
  TRY_DO(read_number(policy, "numRetries", retries_max, out.retries));
  TRY_DO(read_number(policy, "numNoDelayRetries", retries_max, out.at_once));
  TRY_DO(read_number(policy, "numMinDelayRetries", retries_max, out.at_delay_min));
  TRY_DO(read_number(policy, "numMaxDelayRetries", retries_max, out.at_delay_max));
  TRY_DO(read_number(policy, "minDelayTarget", delay_seconds_max, least));
  TRY_DO(read_number(policy, "maxDelayTarget", delay_seconds_max, most));
  if (least < 1 || most < least)
    return wrong(
        "maxDelayTarget must be greater than or equal to "
        "minDelayTarget, and that at least 1");
  if (out.at_once + out.at_delay_min + out.at_delay_max > out.retries)
    return wrong(
        "numRetries must be greater than or equal to total of "
        "numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries");
  out.delay_min = std::chrono::seconds(least);
  out.delay_max = std::chrono::seconds(most);
  if (const json::value* growth = policy.if_contains("backoffFunction"); growth) {
    const auto found = growth->is_string()
                           ? std::ranges::find(growths, std::string_view(growth->as_string()))
                           : std::end(growths);
    if (found == std::end(growths))
      return wrong(
          "backoffFunction must be one of linear, arithmetic, "
          "geometric, exponential");
    out.growth = static_cast<RetryPolicy::Growth>(found - std::begin(growths));
  }
  return out;
}

Result<std::uint32_t> read_throttle(const json::object& policy) {
  TRY_DO(check_members(policy, throttle_members));
  std::uint32_t out = 0;
  TRY_DO(read_number(policy, throttle_members[0], receives_per_second_max, out));
  if (out == 0) return wrong("maxReceivesPerSecond must be at least 1");
  return out;
}

Result<std::string> read_content_type(const json::object& policy) {
  TRY_DO(check_members(policy, request_members));
  const json::value* const type = policy.if_contains(request_members[0]);
  if (!type || type->is_null()) return std::string();
  const bool good = type->is_string() && std::ranges::all_of(type->as_string(), [](char c) {
                      return c >= ' ' && c < '\x7f';
                    });
  if (!good) return wrong("invalid headerContentType");
  return std::string(type->as_string());
}

struct Read {
  HttpPolicy policy;
  // As they are shown again; null where nothing was said.
  json::value retry;
  json::value throttle;
  json::value request;
};

Result<Read> read_members(const json::object& policy, const Members& names) {
  Read out;
  TRY(const json::object* const retry, member_of(policy, names.retry));
  if (retry) {
    TRY(out.policy.retry, read_retry(*retry));
  }
  TRY(const json::object* const throttle, member_of(policy, names.throttle));
  if (throttle) {
    TRY(out.policy.per_second, read_throttle(*throttle));
  }
  TRY(const json::object* const request, member_of(policy, names.request));
  if (request) {
    TRY(out.policy.content_type, read_content_type(*request));
  }
  out.retry = said(retry, retry_members);
  out.throttle = said(throttle, throttle_members);
  out.request = said(request, request_members);
  return out;
}

json::value shown(const HttpPolicy& policy, std::string_view member) {
  const RetryPolicy retry = policy.retry.value_or(RetryPolicy{});
  if (member.ends_with("RetryPolicy"))
    return json::object{{"minDelayTarget", retry.delay_min.count()},
                        {"maxDelayTarget", retry.delay_max.count()},
                        {"numRetries", retry.retries},
                        {"numMaxDelayRetries", retry.at_delay_max},
                        {"numNoDelayRetries", retry.at_once},
                        {"numMinDelayRetries", retry.at_delay_min},
                        {"backoffFunction", growths[static_cast<int>(retry.growth)]}};
  if (member.ends_with("RequestPolicy") || member == of_subscriptions.request)
    return json::object{{"headerContentType", policy.content_type.empty()
                                                  ? default_content_type
                                                  : std::string_view(policy.content_type)}};
  if (!policy.per_second) return nullptr;
  return json::object{{"maxReceivesPerSecond", *policy.per_second}};
}

}  // namespace

Result<> read_delivery_policy(std::string_view text, events::TopicSettings& settings) {
  constexpr std::string_view switch_name = "disableSubscriptionOverrides";
  constexpr std::string_view top[] = {"http"};
  constexpr std::string_view known[] = {of_topics.retry, of_topics.throttle, of_topics.request,
                                        switch_name};
  settings.http = {};
  settings.overrides = events::TopicSettings::Overrides::heeded;
  settings.notes.erase("DeliveryPolicy");
  if (text.empty()) return {};
  TRY(const json::object policy, object_of(text));
  TRY_DO(check_members(policy, top));
  const json::object nothing;
  TRY(const json::object* http, member_of(policy, top[0]));
  if (!http) http = &nothing;
  TRY_DO(check_members(*http, known));
  TRY(const Read read, read_members(*http, of_topics));
  const json::value* const disabled = http->if_contains(switch_name);
  if (disabled && !disabled->is_bool() && !disabled->is_null())
    return wrong(fmt::format("{} must be true or false", switch_name));
  const bool ignored = disabled && disabled->is_bool() && disabled->get_bool();
  if (ignored) settings.overrides = events::TopicSettings::Overrides::ignored;
  settings.http = read.policy;
  json::object kept;
  if (!read.retry.is_null()) kept[of_topics.retry] = read.retry;
  kept[switch_name] = ignored;
  if (!read.throttle.is_null()) kept[of_topics.throttle] = read.throttle;
  if (!read.request.is_null()) kept[of_topics.request] = read.request;
  settings.notes["DeliveryPolicy"] = json::serialize(json::object{{top[0], std::move(kept)}});
  return {};
}

Result<> read_delivery_policy(std::string_view text, events::SubscriptionSettings& settings) {
  constexpr std::string_view known[] = {of_subscriptions.retry, of_subscriptions.throttle,
                                        of_subscriptions.request};
  settings.http = {};
  settings.notes.erase("DeliveryPolicy");
  if (text.empty()) return {};
  TRY(const json::object policy, object_of(text));
  TRY_DO(check_members(policy, known));
  TRY(const Read read, read_members(policy, of_subscriptions));
  settings.http = read.policy;
  settings.notes["DeliveryPolicy"] =
      json::serialize(json::object{{of_subscriptions.retry, read.retry},
                                   {"sicklyRetryPolicy", nullptr},
                                   {of_subscriptions.throttle, read.throttle},
                                   {of_subscriptions.request, read.request},
                                   {"guaranteed", false}});
  return {};
}

std::string effective_policy_text(const events::TopicSettings& topic) {
  const bool ignored = topic.overrides == events::TopicSettings::Overrides::ignored;
  json::object http{{of_topics.retry, shown(topic.http, of_topics.retry)},
                    {"disableSubscriptionOverrides", ignored}};
  if (topic.http.per_second) http[of_topics.throttle] = shown(topic.http, of_topics.throttle);
  http[of_topics.request] = shown(topic.http, of_topics.request);
  return json::serialize(json::object{{"http", std::move(http)}});
}

std::string effective_policy_text(const events::TopicSettings& topic,
                                  const events::SubscriptionSettings& subscription) {
  const HttpPolicy policy = events::effective_policy(topic, subscription);
  json::object out;
  out[of_subscriptions.retry] = shown(policy, of_topics.retry);
  out["sicklyRetryPolicy"] = nullptr;
  for (const std::string_view name : {of_subscriptions.throttle, of_subscriptions.request})
    out[name] = shown(policy, name);
  out["guaranteed"] = false;
  return json::serialize(out);
}

}  // namespace slipway::sns
