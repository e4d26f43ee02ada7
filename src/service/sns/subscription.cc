#include <algorithm>
#include <charconv>

#include "base/boolean.h"
#include "net/blocking_client.h"
#include "service/arn.h"
#include "service/resource_key.h"
#include "service/sns/attributes.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using events::Channel;
using events::Subscription;
using events::TopicId;

constexpr std::size_t url_bytes_max = 2048;
constexpr std::size_t token_hex_digits = 256;

// Protocols that AWS has and this server does not deliver to.
constexpr std::string_view not_built[] = {"email",       "email-json", "sms",
                                          "application", "lambda",     "firehose"};

Result<> read_queue(const events::Topic& topic, std::string_view endpoint, Subscription& out) {
  const auto arn = service::parse_arn(endpoint);
  if (!arn || arn->service != "sqs") return invalid("SQS endpoint ARN");
  if (topic.settings.order == events::Order::loose && arn->resource.ends_with(".fifo"))
    return invalid(
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
        "standard SNS topics");
  out.channel = Channel::queue;
  out.endpoint = arn->key();
  out.state = Subscription::State::confirmed;
  return {};
}

bool is_blank_or_control(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }

// What can be said without a look-up; what a name leads to is looked at when it is sent to.
Result<> check_host(const net::Origin& origin, net::Reach reach) {
  if (reach == net::Reach::anywhere) return {};
  const auto address = net::numeric_address(origin.host, origin.port);
  if (net::is_local_name(origin.host) || (address && !net::check_reach(*address, reach)))
    return refuse("AuthorizationErrorException", "Not authorized to subscribe internal endpoints");
  return {};
}

Result<> read_url(const Door& door, const events::Topic& topic, std::string_view protocol,
                  std::string_view endpoint, Call& call, Subscription& out) {
  if (topic.settings.order == events::Order::strict)
    return invalid("Invalid protocol type: " + std::string(protocol));
  const std::string scheme = fmt::format("{}://", protocol);
  if (!starts_with_ignoring_case(endpoint, scheme) || endpoint.size() > url_bytes_max ||
      std::ranges::any_of(endpoint, is_blank_or_control))
    return invalid("Endpoint must match the specified protocol");
  const auto origin = net::Origin::parse(endpoint);
  if (!origin) return invalid("Unreachable Endpoint");
  TRY_DO(check_host(*origin, door.reach));
  out.channel = Channel::http;
  out.endpoint = endpoint;
  out.state = Subscription::State::pending;
  out.token = make_token(call.random(), token_hex_digits, alphabet_hex);
  return {};
}

Result<> read_endpoint(const Door& door, const events::Topic& topic, Call& call,
                       const api::SubscribeInput& in, Subscription& out) {
  const std::string_view protocol = in.Protocol();
  const std::string_view endpoint = in.Endpoint().value_or("");
  if (protocol == "sqs") return read_queue(topic, endpoint, out);
  if (protocol == "http" || protocol == "https")
    return read_url(door, topic, protocol, endpoint, call, out);
  if (std::ranges::find(not_built, protocol) == std::end(not_built))
    return invalid(fmt::format("Amazon SNS does not support this protocol string: {}", protocol));
  return std::unexpected(Error{
      ErrorCode::not_implemented,
      fmt::format("Slipway does not deliver to subscribers of protocol '{}' yet: sqs, http and "
                  "https are what it has.",
                  protocol)});
}

void fill(const Subscription& subscription, api::Subscription out) {
  const bool pending = subscription.state == Subscription::State::pending;
  out.SubscriptionArn(pending ? "PendingConfirmation" : arn_of(subscription))
      .Owner(subscription.owner)
      .Protocol(protocol_of(subscription))
      .Endpoint(endpoint_of(subscription))
      .TopicArn(arn_of(subscription.topic));
}

// The number of the last subscription of the page before.
Result<std::int64_t> page_start(std::optional<std::string_view> token) {
  std::int64_t out = 0;
  if (!token || token->empty()) return out;
  const char* const end = token->data() + token->size();
  if (const auto [at, error] = std::from_chars(token->data(), end, out);
      error != std::errc() || at != end)
    return invalid("NextToken");
  return out;
}

template <typename Output>
Result<Output> list(const Door& door, Call& call, const TopicId& topic,
                    std::optional<std::string_view> token) {
  TRY(const std::int64_t after, page_start(token));
  auto page = door.topics.list_subscriptions(
      call.tx(), topic, service::resource_key(call.caller(), ""), after, page_items_max + 1);
  auto out = call.output<Output>();
  out.Subscriptions(wire::empty);
  if (page.size() > page_items_max) {
    page.pop_back();
    out.NextToken(fmt::to_string(page.back().number));
  }
  for (const auto& each : page) fill(each.subscription, out.add_Subscriptions());
  return out;
}

Result<Subscription> find(const Door& door, Call& call, std::string_view arn) {
  TRY(const std::string id, subscription_of_arn(arn));
  return door.topics.find_subscription(call.tx(), id);
}

// The topic says how its messages are signed; a subscription remembers it.
void take_signature(const events::Topic& topic, events::SubscriptionSettings& settings) {
  const auto version = topic.settings.notes.find("SignatureVersion");
  if (version != topic.settings.notes.end()) settings.notes.insert(*version);
}

// How a subscription was confirmed: said by the first confirmation, and changed by none after it,
// so that whoever has the token cannot take the protection away again.
constexpr std::string_view confirmation_notes[] = {note_authenticated, note_protected};

void note_confirmation(const Call& call, std::string_view wish,
                       events::SubscriptionSettings& settings) {
  const bool is_signed = call.caller().proof == service::Proof::signature;
  settings.notes.emplace(note_authenticated, boolean_text(is_signed));
  settings.notes.emplace(note_protected, boolean_text(read_boolean(wish) == true));
}

// What a caller asks for at Subscribe says nothing of the confirmation.
void keep_confirmation(const events::SubscriptionSettings& from,
                       events::SubscriptionSettings& settings) {
  for (const std::string_view name : confirmation_notes)
    if (const auto note = from.notes.find(std::string(name)); note != from.notes.end())
      settings.notes.insert(*note);
}

// The link in a message is enough for a web server that confirmed by such a link, and did not wish
// otherwise. A queue's subscription was made by a signed call, and needs another to end.
bool may_end_unsigned(const Subscription& subscription) {
  if (subscription.channel != Channel::http) return false;
  if (subscription.state != Subscription::State::confirmed) return false;
  const auto note = subscription.settings.notes.find(std::string(note_protected));
  return note == subscription.settings.notes.end() || note->second != "true";
}

std::unexpected<Error> needs_signature(std::string_view action, std::string_view arn) {
  return refuse("AuthorizationErrorException",
                fmt::format("User: anonymous is not authorized to perform: SNS:{} on resource: {}",
                            action, arn));
}

// A queue without a policy takes what its account's topics send, and what these send is for those
// to choose who may publish: whoever leads one to the other must be one who may send there himself.
Result<> may_lead_to(const Door& door, Call& call, const TopicId& topic,
                     const events::QueueId& queue) {
  if (door.deliverer.admission(call.tx(), queue, topic) == events::Admission::granted) return {};
  const Subscription to_queue{.channel = Channel::queue, .endpoint = queue.text};
  return call.permit("sqs:SendMessage", endpoint_of(to_queue));
}

// The same for where the messages go that are not delivered.
Result<> may_lead_to_dead_letters(const Door& door, Call& call, const Subscription& subscription) {
  if (!subscription.settings.dead_letters) return {};
  return may_lead_to(door, call, subscription.topic, *subscription.settings.dead_letters);
}

}  // namespace

Result<api::SubscribeResponse> subscribe(const Door& door, Call& call, api::SubscribeInput in) {
  TRY(const TopicId id, topic_of_arn(in.TopicArn()));
  TRY(const events::Topic topic, door.topics.find(call.tx(), id));
  Subscription wanted{.topic = id, .owner = call.account()};
  TRY_DO(read_endpoint(door, topic, call, in, wanted));
  for (const auto& [name, value] : in.Attributes())
    TRY_DO(read_subscription_attribute(name, value, wanted.settings));
  TRY_DO(check_filter(wanted.settings));
  if (wanted.channel == Channel::queue)
    TRY_DO(may_lead_to(door, call, id, events::QueueId{wanted.endpoint}));
  TRY_DO(may_lead_to_dead_letters(door, call, wanted));
  take_signature(topic, wanted.settings);
  TRY(const Subscription subscription, door.topics.subscribe(call.tx(), wanted, call.moment()));
  keep_confirmation(subscription.settings, wanted.settings);
  if (in.Attributes().has() && subscription.settings != wanted.settings)
    return invalid("Attributes Reason: Subscription already exists with different attributes");
  const bool pending = subscription.state == Subscription::State::pending;
  // Subscribing again asks again, after a while.
  if (pending) door.deliverer.ask_to_confirm(call.tx(), subscription);
  const bool show = !pending || in.ReturnSubscriptionArn().value_or(false);
  return call.output<api::SubscribeResponse>().SubscriptionArn(show ? arn_of(subscription)
                                                                    : "pending confirmation");
}

Result<api::ConfirmSubscriptionResponse> confirm_subscription(const Door& door, Call& call,
                                                              api::ConfirmSubscriptionInput in) {
  TRY(const TopicId id, topic_of_arn(in.TopicArn()));
  const std::string_view wish = in.AuthenticateOnUnsubscribe().value_or("");
  if (read_boolean(wish) == true && call.caller().proof != service::Proof::signature)
    return needs_signature("ConfirmSubscription", in.TopicArn());
  TRY_DO(door.topics.find(call.tx(), id));
  auto confirmed = door.topics.confirm(call.tx(), id, in.Token());
  if (!confirmed) return invalid("Token");
  note_confirmation(call, wish, confirmed->settings);
  TRY_DO(door.topics.change_subscription(call.tx(), confirmed->id, confirmed->settings));
  return call.output<api::ConfirmSubscriptionResponse>().SubscriptionArn(arn_of(*confirmed));
}

Result<> unsubscribe(const Door& door, Call& call, api::UnsubscribeInput in) {
  TRY(const std::string id, subscription_of_arn(in.SubscriptionArn()));
  if (call.caller().proof != service::Proof::signature) {
    const auto subscription = door.topics.find_subscription(call.tx(), id);
    if (subscription && !may_end_unsigned(*subscription))
      return needs_signature("Unsubscribe", in.SubscriptionArn());
  }
  // What is gone already is what is wanted, as on AWS.
  const auto gone = door.topics.unsubscribe(call.tx(), id);
  if (!gone && gone.error().code != ErrorCode::not_found) return gone;
  return {};
}

Result<api::ListSubscriptionsResponse> list_subscriptions(const Door& door, Call& call,
                                                          api::ListSubscriptionsInput in) {
  return list<api::ListSubscriptionsResponse>(door, call, {}, in.NextToken());
}

Result<api::ListSubscriptionsByTopicResponse> list_subscriptions_by_topic(
    const Door& door, Call& call, api::ListSubscriptionsByTopicInput in) {
  TRY(const TopicId id, topic_of_arn(in.TopicArn()));
  TRY_DO(door.topics.find(call.tx(), id));
  return list<api::ListSubscriptionsByTopicResponse>(door, call, id, in.NextToken());
}

Result<api::GetSubscriptionAttributesResponse> get_subscription_attributes(
    const Door& door, Call& call, api::GetSubscriptionAttributesInput in) {
  TRY(const Subscription subscription, find(door, call, in.SubscriptionArn()));
  auto out = call.output<api::GetSubscriptionAttributesResponse>();
  for (const auto& [name, value] : subscription_attributes(subscription))
    out.put_Attributes(name, value);
  return out;
}

Result<> set_subscription_attributes(const Door& door, Call& call,
                                     api::SetSubscriptionAttributesInput in) {
  TRY(Subscription subscription, find(door, call, in.SubscriptionArn()));
  TRY_DO(read_subscription_attribute(in.AttributeName(), in.AttributeValue().value_or(""),
                                     subscription.settings));
  TRY_DO(check_filter(subscription.settings));
  if (in.AttributeName() == "RedrivePolicy")
    TRY_DO(may_lead_to_dead_letters(door, call, subscription));
  return door.topics.change_subscription(call.tx(), subscription.id, subscription.settings);
}

}  // namespace slipway::sns
