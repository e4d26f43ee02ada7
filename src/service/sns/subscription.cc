#include <algorithm>
#include <charconv>

#include "base/boolean.h"
#include "base/encoding.h"
#include "net/blocking_client.h"
#include "service/arn.h"
#include "service/paging.h"
#include "service/resource_key.h"
#include "service/sns/attributes.h"
#include "service/sns/mobile.h"
#include "service/sns/operations.h"

namespace slipway::sns {
namespace {

using events::Channel;
using events::Subscription;
using events::TopicId;

constexpr std::size_t url_bytes_max = 2048;
constexpr std::size_t address_bytes_max = 320;
constexpr std::size_t token_hex_digits = 256;

// Protocols that AWS has and this server does not deliver to.
constexpr std::string_view not_built[] = {"lambda", "firehose"};

Result<> read_queue(const events::Topic& topic, std::string_view endpoint, Subscription& out) {
  const auto arn = service::parse_arn(endpoint);
  if (!arn || arn->service != "sqs") return invalid("SQS endpoint ARN");
  if (topic.settings.order == events::DeliveryOrder::loose && arn->resource.ends_with(".fifo"))
    return invalid(
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
        "standard SNS topics");
  out.channel = Channel::queue;
  out.endpoint = arn->key();
  out.state = Subscription::State::confirmed;
  return {};
}

bool is_blank_or_control(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }
bool is_printable_ascii(char c) { return c > ' ' && c < '\x7f'; }

// What can be said without a look-up; what a name leads to is looked at when it is sent to.
Result<> check_host(const net::Origin& origin, net::Reach reach) {
  if (reach == net::Reach::anywhere) return {};
  const auto address = net::numeric_address(origin.host, origin.port);
  if (net::is_local_name(origin.host) || (address && !net::check_reach(*address, reach)))
    return refuse("AuthorizationErrorException", "Not authorized to subscribe internal endpoints");
  return {};
}

Result<> read_url(const SnsDoor& door, const events::Topic& topic, std::string_view protocol,
                  std::string_view endpoint, Call& call, Subscription& out) {
  if (topic.settings.order == events::DeliveryOrder::strict)
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

// Single marks between the digits are left out.
Result<> read_number(std::string_view endpoint, Subscription& out) {
  constexpr std::string_view marks = "-./";
  bool after_mark = true;  // or at the beginning
  bool good = true;
  for (const char c : endpoint) {
    const bool mark = marks.contains(c);
    good = good && !(mark && after_mark);
    after_mark = mark;
    if (!mark) out.endpoint += c;
  }
  if (!good || after_mark || !is_phone_number(out.endpoint))
    return refuse("InvalidParameterException", fmt::format("Invalid SMS endpoint: {}", endpoint));
  out.channel = Channel::text;
  out.state = Subscription::State::confirmed;
  return {};
}

Result<> read_address(std::string_view protocol, std::string_view endpoint, Call& call,
                      Subscription& out) {
  const auto at = endpoint.find('@');
  const bool good = at != endpoint.npos && at > 0 && at + 1 < endpoint.size() &&
                    endpoint.find('@', at + 1) == endpoint.npos &&
                    endpoint.size() <= address_bytes_max &&
                    std::ranges::all_of(endpoint, is_printable_ascii);
  if (!good) return invalid("Email address");
  out.channel = protocol == "email" ? Channel::mail : Channel::mail_json;
  out.endpoint = endpoint;
  out.token = make_token(call.random(), token_hex_digits, alphabet_hex);
  return {};
}

// The caller's own device.
Result<> read_device(const SnsDoor& door, std::string_view endpoint, Call& call,
                     Subscription& out) {
  if (!is_device_arn(endpoint) || service::parse_arn(endpoint)->account != call.account())
    return invalid(fmt::format("Application endpoint arn invalid:{}", endpoint));
  TRY(out.endpoint, device_of_arn(call, endpoint));
  if (!door.mobile.find_device(call.tx(), out.endpoint))
    return invalid(
        fmt::format("Endpoint Reason: Endpoint does not exist for endpoint arn{}", endpoint));
  out.channel = Channel::device;
  out.state = Subscription::State::confirmed;
  return {};
}

Result<> read_endpoint(const SnsDoor& door, const events::Topic& topic, Call& call,
                       const api::SubscribeInput& in, Subscription& out) {
  const std::string_view protocol = in.Protocol();
  const std::string_view endpoint = in.Endpoint().value_or("");
  if (protocol == "sqs") return read_queue(topic, endpoint, out);
  if (protocol == "http" || protocol == "https")
    return read_url(door, topic, protocol, endpoint, call, out);
  const bool is_mail = protocol == "email" || protocol == "email-json";
  if (is_mail || protocol == "sms" || protocol == "application") {
    if (topic.settings.order == events::DeliveryOrder::strict)
      return invalid("Invalid protocol type: " + std::string(protocol));
    if (is_mail) return read_address(protocol, endpoint, call, out);
    return protocol == "sms" ? read_number(endpoint, out) : read_device(door, endpoint, call, out);
  }
  if (std::ranges::find(not_built, protocol) == std::end(not_built))
    return invalid(fmt::format("Amazon SNS does not support this protocol string: {}", protocol));
  return std::unexpected(Error{
      ErrorCode::not_implemented,
      fmt::format("Slipway does not deliver to subscribers of protocol '{}' yet.", protocol)});
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
Result<std::int64_t> page_start(const service::PageTokens& tokens,
                                std::optional<std::string_view> token) {
  std::int64_t out = 0;
  TRY(const std::string number, tokens.position_or(service::unless_empty(token), bad_page_token));
  if (number.empty()) return out;
  const char* const end = number.data() + number.size();
  if (const auto [at, error] = std::from_chars(number.data(), end, out);
      error != std::errc() || at != end)
    return bad_page_token();
  return out;
}

template <typename Output, typename Input>
Result<Output> list(const SnsDoor& door, Call& call, const TopicId& topic, const Input& in) {
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::int64_t after, page_start(tokens, in.NextToken()));
  auto page = door.topics.list_subscriptions(
      call.tx(), topic, service::resource_key(call.caller(), ""), after, page_items_max + 1);
  auto out = call.output<Output>();
  out.Subscriptions(wire::empty);
  const auto number_of = [](const auto& item) { return fmt::to_string(item.number); };
  out.NextToken(tokens.cut(page, page_items_max, number_of));
  for (const auto& each : page) fill(each.subscription, out.add_Subscriptions());
  return out;
}

Result<Subscription> find(const SnsDoor& door, Call& call, std::string_view arn) {
  TRY(const std::string id, subscription_of_arn(arn));
  return door.topics.find_subscription(call.tx(), id);
}

// The topic says how its messages are signed; a subscription remembers it.
void take_signature(const events::Topic& topic, events::SubscriptionSettings& settings) {
  const auto version = topic.settings.notes.find("SignatureVersion");
  if (version != topic.settings.notes.end()) settings.notes.insert(*version);
}

// What is wrong with an attribute, as Subscribe says it.
std::unexpected<Error> of_attributes(Error error) {
  constexpr std::string_view head = "Invalid parameter: ";
  if (error.message.starts_with(head)) error.message.insert(head.size(), "Attributes Reason: ");
  return std::unexpected(std::move(error));
}

template <typename Attributes>
Result<> read_attributes(const Attributes& given, events::SubscriptionSettings& settings) {
  for (const auto& [name, value] : given)
    if (auto read = read_subscription_attribute(name, value, settings); !read)
      return of_attributes(std::move(read).error());
  if (auto checked = check_filter(settings); !checked)
    return of_attributes(std::move(checked).error());
  return {};
}

// Whether what is asked for changes nothing of what there is.
template <typename Attributes>
bool is_already(const events::SubscriptionSettings& there, const Attributes& given) {
  events::SubscriptionSettings changed = there;
  return read_attributes(given, changed) && changed == there;
}

void note_confirmation(const Call& call, std::string_view wish,
                       events::SubscriptionSettings& settings) {
  const bool is_signed = call.caller().proof == service::Proof::signature;
  settings.notes.emplace(note_authenticated, boolean_text(is_signed));
  settings.notes.emplace(note_protected, boolean_text(read_boolean(wish) == true));
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
Result<> may_lead_to(const SnsDoor& door, Call& call, const TopicId& topic,
                     const events::QueueId& queue) {
  if (door.deliverer.admission(call.tx(), queue, topic) == events::Admission::granted) return {};
  const Subscription to_queue{.channel = Channel::queue, .endpoint = queue.text};
  return call.permit("sqs:SendMessage", endpoint_of(to_queue));
}

// The same for where the messages go that are not delivered.
Result<> may_lead_to_dead_letters(const SnsDoor& door, Call& call,
                                  const Subscription& subscription) {
  if (!subscription.settings.dead_letters) return {};
  return may_lead_to(door, call, subscription.topic, *subscription.settings.dead_letters);
}

}  // namespace

Result<api::SubscribeResponse> subscribe(const SnsDoor& door, Call& call, api::SubscribeInput in) {
  TRY(const TopicId id, topic_of_arn(call, in.TopicArn()));
  TRY(const events::Topic topic, door.topics.find(call.tx(), id));
  Subscription wanted{.topic = id, .owner = call.account()};
  TRY_DO(read_endpoint(door, topic, call, in, wanted));
  TRY_DO(read_attributes(in.Attributes(), wanted.settings));
  for (const auto check : {check_form, check_redrive})
    if (auto checked = check(wanted); !checked) return of_attributes(std::move(checked).error());
  if (wanted.channel == Channel::queue)
    TRY_DO(may_lead_to(door, call, id, events::QueueId{wanted.endpoint}));
  TRY_DO(may_lead_to_dead_letters(door, call, wanted));
  take_signature(topic, wanted.settings);
  wanted.settings.notes[std::string(note_subscriber)] = call.caller().principal.name;
  TRY(const Subscription subscription, door.topics.subscribe(call.tx(), wanted, call.moment()));
  if (!is_already(subscription.settings, in.Attributes()))
    return invalid("Attributes Reason: Subscription already exists with different attributes");
  const bool pending = subscription.state == Subscription::State::pending;
  // Subscribing again asks again, after a while.
  if (pending) door.deliverer.ask_to_confirm(call.tx(), subscription);
  const bool show = !pending || in.ReturnSubscriptionArn().value_or(false);
  return call.output<api::SubscribeResponse>().SubscriptionArn(show ? arn_of(subscription)
                                                                    : "pending confirmation");
}

Result<api::ConfirmSubscriptionResponse> confirm_subscription(const SnsDoor& door, Call& call,
                                                              api::ConfirmSubscriptionInput in) {
  const auto id = topic_of_arn(in.TopicArn());
  if (!id) return invalid("Topic");
  if (in.Token().find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
    return refuse("InvalidParameterException", "Invalid token");
  const std::string_view wish = in.AuthenticateOnUnsubscribe().value_or("");
  if (read_boolean(wish) == true && call.caller().proof != service::Proof::signature)
    return needs_signature("ConfirmSubscription", in.TopicArn());
  auto confirmed = door.topics.confirm(call.tx(), *id, in.Token());
  if (!confirmed) return invalid("Token");
  note_confirmation(call, wish, confirmed->settings);
  TRY_DO(door.topics.change_subscription(call.tx(), confirmed->id, confirmed->settings));
  return call.output<api::ConfirmSubscriptionResponse>().SubscriptionArn(arn_of(*confirmed));
}

Result<> unsubscribe(const SnsDoor& door, Call& call, api::UnsubscribeInput in) {
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

Result<api::ListSubscriptionsResponse> list_subscriptions(const SnsDoor& door, Call& call,
                                                          api::ListSubscriptionsInput in) {
  return list<api::ListSubscriptionsResponse>(door, call, {}, in);
}

Result<api::ListSubscriptionsByTopicResponse> list_subscriptions_by_topic(
    const SnsDoor& door, Call& call, api::ListSubscriptionsByTopicInput in) {
  TRY(const TopicId id, topic_of_arn(call, in.TopicArn()));
  TRY_DO(door.topics.find(call.tx(), id));
  return list<api::ListSubscriptionsByTopicResponse>(door, call, id, in);
}

Result<api::GetSubscriptionAttributesResponse> get_subscription_attributes(
    const SnsDoor& door, Call& call, api::GetSubscriptionAttributesInput in) {
  TRY(const Subscription subscription, find(door, call, in.SubscriptionArn()));
  TRY(const events::Topic topic, door.topics.find(call.tx(), subscription.topic));
  auto out = call.output<api::GetSubscriptionAttributesResponse>();
  for (const auto& [name, value] : subscription_attributes(topic, subscription))
    out.put_Attributes(name, value);
  return out;
}

Result<> set_subscription_attributes(const SnsDoor& door, Call& call,
                                     api::SetSubscriptionAttributesInput in) {
  TRY(Subscription subscription, find(door, call, in.SubscriptionArn()));
  TRY_DO(read_subscription_attribute(in.AttributeName(), in.AttributeValue().value_or(""),
                                     subscription.settings));
  if (in.AttributeName() == "RawMessageDelivery") TRY_DO(check_form(subscription));
  // One that was stored may hold what a new one is refused for.
  if (in.AttributeName().starts_with("FilterPolicy")) TRY_DO(check_filter(subscription.settings));
  if (in.AttributeName() == "RedrivePolicy") {
    TRY_DO(check_redrive(subscription));
    TRY_DO(may_lead_to_dead_letters(door, call, subscription));
  }
  return door.topics.change_subscription(call.tx(), subscription.id, subscription.settings);
}

}  // namespace slipway::sns
