#include "engine/events/unsent.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace slipway::events {
namespace {

constexpr std::size_t digits_shown = 2;

std::string_view text_of(Channel channel) {
  switch (channel) {
    case Channel::text: return "text message";
    case Channel::mail:
    case Channel::mail_json: return "mail";
    case Channel::device: return "push message";
    case Channel::queue:
    case Channel::http: break;
  }
  return "message";
}

std::string redacted_number(std::string_view number) {
  std::string out(number);
  std::size_t digits = static_cast<std::size_t>(
      std::ranges::count_if(number, [](char c) { return c >= '0' && c <= '9'; }));
  for (char& c : out)
    if (c >= '0' && c <= '9' && digits-- > digits_shown) c = '*';
  return out;
}

}  // namespace

std::string redacted(Channel channel, std::string_view endpoint) {
  if (channel == Channel::text) return redacted_number(endpoint);
  if (channel == Channel::device) return std::string(endpoint);
  const auto at = endpoint.rfind('@');
  if (at == endpoint.npos || at == 0) return "***";
  return fmt::format("{}***{}", endpoint.front(), endpoint.substr(at));
}

void log_unsent(const UnsentMessage& message) {
  log_info("events",
           fmt::format("a {} was not sent: this server sends none", text_of(message.channel)),
           {{"to", redacted(message.channel, message.endpoint)},
            {"message", message.id},
            {"bytes", fmt::to_string(message.bytes)}});
}

void log_unsent_confirmation(const Subscription& subscription) {
  log_info("events", "a mail that asks to confirm a subscription was not sent",
           {{"to", redacted(subscription.channel, subscription.endpoint)},
            {"subscription", subscription.id},
            {"token", subscription.token}});
}

}  // namespace slipway::events
