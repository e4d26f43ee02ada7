#include "net/rewritten.h"

#include "net/message.h"

namespace slipway::net {

Request rewritten(const Request& sent, std::string_view target, std::span<const Header> headers) {
  const RequestHead& old = sent.head();
  MessagePtr message(new Message);
  Message& m = *message;
  std::size_t total = old.method.size() + target.size();
  for (const Header& header : headers) total += header.name.size() + header.value.size();
  m.reserve(total);  // once, so that nothing moves below
  const auto copy = [&](std::string_view text) {
    const std::size_t at = m.used;
    m.append(text);
    return std::string_view(m.data() + at, text.size());
  };
  m.head = old;
  m.head.method = copy(old.method);
  set_target(m.head, copy(target));
  for (const Header& header : headers) m.fields.push_back({copy(header.name), copy(header.value)});
  m.head.headers = Headers(m.fields);
  m.peer = old.peer;
  m.head.peer = m.peer;
  m.body_begin = m.body_end = m.used;
  return Request(std::move(message));
}

}  // namespace slipway::net
