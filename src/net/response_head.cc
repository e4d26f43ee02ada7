#include "net/response_head.h"

#include <array>
#include <charconv>

#include "net/message.h"

namespace slipway::net {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

void ResponseHead::status(int status) {
  if (status == 200) {
    out_ += "HTTP/1.1 200 OK\r\n";
    return;
  }
  out_ += "HTTP/1.1 ";
  append_number(out_, static_cast<std::uint64_t>(status));
  out_ += ' ';
  out_ += reason_phrase(status);
  out_ += "\r\n";
}

void ResponseHead::field(const Header& field) {
  switch (field.name.size()) {  // the lengths of the names that are ours
    case 4:
      if (same_name(field.name, "date")) given_date_ = true;
      break;
    case 10:
      if (!same_name(field.name, "connection")) break;
      if (same_name(field.value, "close")) given_close_ = true;
      return;
    case 14:
      if (!same_name(field.name, "content-length")) break;
      given_length_ = parse_number(field.value);
      return;
    case 17:
      if (same_name(field.name, "transfer-encoding")) return;
      break;
    default: break;
  }
  append_field(out_, field.name, field.value);
}

void ResponseHead::framing(Framing framing, std::uint64_t length) {
  if (framing == Framing::chunked) out_ += "Transfer-Encoding: chunked\r\n";
  if (framing != Framing::length) return;
  out_ += "Content-Length: ";
  append_number(out_, length);
  out_ += "\r\n";
}

std::size_t ResponseHead::end(Persistence persistence, std::string_view date) {
  if (!given_date_) out_ += date;
  if (persistence == Persistence::close) out_ += "Connection: close\r\n";
  if (persistence == Persistence::keep_1_0) out_ += "Connection: keep-alive\r\n";
  out_ += "\r\n";
  return out_.size() - begin_;
}

}  // namespace slipway::net
