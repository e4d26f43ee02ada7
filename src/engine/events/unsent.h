// Messages to people and to what they carry: texts, mail, push messages to devices. Nothing here
// sends any; the server's log says what would have gone out, and to whom in a form that names
// nobody.
#pragma once

#include <string>
#include <string_view>

#include "engine/events/topics.h"

namespace slipway::events {

// Whether messages of that channel are only logged.
constexpr bool is_unsent(Channel channel) {
  return channel != Channel::queue && channel != Channel::http;
}

// "+*********67", "a***@example.com"; a device by its id, which tells nothing of it.
std::string redacted(Channel channel, std::string_view endpoint);

// One line: the message with that id, `bytes` long, was for `endpoint`.
struct UnsentMessage {
  Channel channel = Channel::text;
  std::string endpoint;
  std::string id;
  std::size_t bytes = 0;
};
void log_unsent(const UnsentMessage& message);

// That a mail which asks to confirm a subscription was not sent, and with what it is confirmed:
// whoever runs the server may do it for the reader.
void log_unsent_confirmation(const Subscription& subscription);

}  // namespace slipway::events
