#include "service/sns/envelope.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "service/sns/door.h"
#include "wire/json_writer.h"

namespace slipway::sns {
namespace {

using events::PublishedNotification;
using events::Subscription;

// An object written as AWS writes it: a member a line.
class Members {
 public:
  void text(std::string_view name, std::string_view value) {
    begin(name);
    wire::write_json_string(value, out_);
  }
  void raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
  }
  std::string end() && { return std::move(out_) + "\n}"; }

 private:
  void begin(std::string_view name) {
    out_ += out_.size() > 1 ? ",\n  " : "\n  ";
    wire::write_json_string(name, out_);
    out_ += " : ";
  }
  std::string out_ = "{";
};

std::string attributes_text(const events::Attributes& attributes) {
  Members out;
  for (const events::Attribute& each : attributes) {
    std::string value = "{\"Type\":";
    wire::write_json_string(each.type, value);
    value += ",\"Value\":";
    wire::write_json_string(
        each.form == events::Attribute::Form::binary ? to_base64(each.value) : each.value, value);
    out.raw(each.name, value + "}");
  }
  return std::move(out).end();
}

// Name and value, each on its line.
void add_line(std::string_view name, std::string_view value, std::string& out) {
  out += fmt::format("{}\n{}\n", name, value);
}

std::vector<std::pair<std::string, std::string>> head_of(std::string_view type,
                                                         std::string_view message_id,
                                                         const Subscription& subscription) {
  std::vector<std::pair<std::string, std::string>> out{
      {"x-amz-sns-message-type", std::string(type)},
      {"x-amz-sns-message-id", std::string(message_id)},
      {"x-amz-sns-topic-arn", arn_of(subscription.topic)},
      {"Content-Type", std::string(default_content_type)},
      {"User-Agent", "Amazon Simple Notification Service Agent"}};
  if (type == "Notification") out.emplace_back("x-amz-sns-subscription-arn", arn_of(subscription));
  return out;
}

SignatureVersion version_of(const Subscription& subscription) {
  const auto note = subscription.settings.notes.find("SignatureVersion");
  return note != subscription.settings.notes.end() && note->second == "2" ? SignatureVersion::sha256
                                                                          : SignatureVersion::sha1;
}

std::string_view text_of(SignatureVersion version) {
  return version == SignatureVersion::sha1 ? "1" : "2";
}

}  // namespace

std::string NotificationEnvelope::signature_of(const std::string& text, SignatureVersion version) {
  {
    const std::scoped_lock lock(mutex_);
    for (const Signed& each : signed_)
      if (each.version == version && each.text == text) return each.signature;
  }
  std::string signature = signer_.sign(text, version);
  const std::scoped_lock lock(mutex_);
  signed_[oldest_] = {.text = text, .version = version, .signature = signature};
  oldest_ = (oldest_ + 1) % signatures_kept;
  return signature;
}

std::string NotificationEnvelope::wrap(const PublishedNotification& published,
                                       const Subscription& subscription) {
  const events::Notification& notification = published.notification;
  const std::string& message = published.body_for(subscription.channel);
  const std::string topic = arn_of(published.topic);
  const std::string time = to_iso8601(published.published, Fraction::milliseconds);
  std::string signed_text;
  add_line("Message", message, signed_text);
  add_line("MessageId", published.id, signed_text);
  if (!notification.subject.empty()) add_line("Subject", notification.subject, signed_text);
  add_line("Timestamp", time, signed_text);
  add_line("TopicArn", topic, signed_text);
  add_line("Type", "Notification", signed_text);
  const SignatureVersion version = version_of(subscription);
  const bool strict = !notification.deduplication.empty();

  Members out;
  out.text("Type", "Notification");
  out.text("MessageId", published.id);
  if (strict) out.text("SequenceNumber", sequence_text(published.sequence));
  out.text("TopicArn", topic);
  if (!notification.subject.empty()) out.text("Subject", notification.subject);
  out.text("Message", message);
  out.text("Timestamp", time);
  if (!strict) {  // AWS signs none that a FIFO topic sends
    out.text("SignatureVersion", text_of(version));
    out.text("Signature", signature_of(signed_text, version));
    out.text("SigningCertURL", fmt::format("{}{}", endpoint_, certificate_path));
  }
  out.text("UnsubscribeURL", fmt::format("{}/?Action=Unsubscribe&SubscriptionArn={}", endpoint_,
                                         arn_of(subscription)));
  if (!notification.attributes.empty())
    out.raw("MessageAttributes", attributes_text(notification.attributes));
  return std::move(out).end();
}

events::HttpDelivery NotificationEnvelope::http(const PublishedNotification& published,
                                                const Subscription& subscription) {
  events::HttpDelivery out{.head = head_of("Notification", published.id, subscription)};
  if (subscription.settings.form == events::MessageForm::bare) {
    out.head.emplace_back("x-amz-sns-rawdelivery", "true");
    out.body = published.body_for(subscription.channel);
  } else {
    out.body = wrap(published, subscription);
  }
  return out;
}

events::HttpDelivery NotificationEnvelope::confirmation(const Subscription& subscription,
                                                        Timestamp now) {
  const std::string id = make_uuid(random_);
  const std::string topic = arn_of(subscription.topic);
  const std::string time = to_iso8601(now, Fraction::milliseconds);
  const std::string message = fmt::format(
      "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, "
      "visit the SubscribeURL included in this message.",
      topic);
  const std::string url = fmt::format("{}/?Action=ConfirmSubscription&TopicArn={}&Token={}",
                                      endpoint_, topic, subscription.token);
  std::string signed_text;
  add_line("Message", message, signed_text);
  add_line("MessageId", id, signed_text);
  add_line("SubscribeURL", url, signed_text);
  add_line("Timestamp", time, signed_text);
  add_line("Token", subscription.token, signed_text);
  add_line("TopicArn", topic, signed_text);
  add_line("Type", "SubscriptionConfirmation", signed_text);
  const SignatureVersion version = version_of(subscription);

  Members out;
  out.text("Type", "SubscriptionConfirmation");
  out.text("MessageId", id);
  out.text("Token", subscription.token);
  out.text("TopicArn", topic);
  out.text("Message", message);
  out.text("SubscribeURL", url);
  out.text("Timestamp", time);
  out.text("SignatureVersion", text_of(version));
  out.text("Signature", signature_of(signed_text, version));
  out.text("SigningCertURL", fmt::format("{}{}", endpoint_, certificate_path));
  return {.head = head_of("SubscriptionConfirmation", id, subscription),
          .body = std::move(out).end()};
}

}  // namespace slipway::sns
