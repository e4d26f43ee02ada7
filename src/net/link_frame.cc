#include "net/link_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace slipway::net {
namespace {

static_assert(std::endian::native == std::endian::little, "the link is little endian");

constexpr std::size_t message_head_bytes = 8;
constexpr std::size_t kept_input_bytes_max = 1 << 20;

template <typename Number>
Number read_number(std::string_view bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

template <typename Number>
void append_number(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::corrupted, fmt::format("the link carries no frame: {}", what));
}

// Returns the length of what precedes the body: content type, accept and pairs, without the eight
// bytes of counts.
std::size_t head_bytes(std::string_view content_type, std::string_view accept,
                       std::span<const Header> headers) {
  std::size_t bytes = content_type.size() + accept.size();
  for (const Header& header : headers) bytes += 4 + header.name.size() + header.value.size();
  return bytes;
}

std::size_t body_bytes_max(LinkFrameType type) {
  switch (type) {
    case LinkFrameType::response: return link_response_body_bytes_max;
    case LinkFrameType::begin: return 0;
    default: return link_body_bytes_max;
  }
}

bool is_message(LinkFrameType type) {
  return type == LinkFrameType::request || type == LinkFrameType::response ||
         type == LinkFrameType::begin;
}

// Of what follows a frame's head.
std::size_t length_max(LinkFrameType type) {
  switch (type) {
    case LinkFrameType::part: return link_part_bytes_max;
    case LinkFrameType::abort: return link_abort_bytes_max;
    case LinkFrameType::credit: return sizeof(std::uint32_t);
    default: return message_head_bytes + link_head_bytes_max + body_bytes_max(type);
  }
}

bool fits(LinkFrameType type, std::size_t head, std::size_t pairs, std::size_t body) {
  return head <= link_head_bytes_max && pairs <= link_pairs_max && body <= body_bytes_max(type);
}

void append_frame_head(std::string& out, LinkFrameType type, std::uint32_t id, std::size_t length,
                       std::uint8_t flags = 0) {
  append_number(out, static_cast<std::uint32_t>(length));
  append_number(out, static_cast<std::uint8_t>(type));
  append_number(out, flags);
  append_number(out, std::uint16_t{0});
  append_number(out, id);
}

// A request or a response.
struct LinkMessage {
  LinkFrameType type;
  std::uint32_t id;
  std::uint16_t status;
  std::string_view content_type;
  std::string_view accept;
  std::span<const Header> headers;
  std::string_view body;
  std::uint8_t flags = 0;
};

Result<> append_message(std::string& out, const LinkMessage& e) {
  const std::size_t head = head_bytes(e.content_type, e.accept, e.headers);
  if (!fits(e.type, head, e.headers.size(), e.body.size())) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("{} bytes of headers and {} of body do not fit into one frame of the "
                            "link (at most {} and {}); send it by HTTP",
                            head, e.body.size(), link_head_bytes_max, body_bytes_max(e.type)));
  }
  const std::size_t length = message_head_bytes + head + e.body.size();
  append_frame_head(out, e.type, e.id, length, e.flags);
  append_number(out, e.status);
  append_number(out, static_cast<std::uint16_t>(e.content_type.size()));
  append_number(out, static_cast<std::uint16_t>(e.accept.size()));
  append_number(out, static_cast<std::uint16_t>(e.headers.size()));
  out.append(e.content_type).append(e.accept);
  for (const Header& header : e.headers) {
    append_number(out, static_cast<std::uint16_t>(header.name.size()));
    append_number(out, static_cast<std::uint16_t>(header.value.size()));
    out.append(header.name).append(header.value);
  }
  out.append(e.body);
  return {};
}

// How many bytes `count` pairs take at the front of `bytes`, or nothing where they do not fit.
std::optional<std::size_t> measure_pairs(std::string_view bytes, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes.size() - at < 4) return std::nullopt;
    const std::size_t size =
        4UL + read_number<std::uint16_t>(bytes, at) + read_number<std::uint16_t>(bytes, at + 2);
    if (bytes.size() - at < size) return std::nullopt;
    at += size;
  }
  return at;
}

Result<> decode_message(std::string_view payload, LinkFrame& frame) {
  if (payload.size() < message_head_bytes) return broken("a message is shorter than its head");
  frame.status = read_number<std::uint16_t>(payload, 0);
  const std::size_t content_type = read_number<std::uint16_t>(payload, 2);
  const std::size_t accept = read_number<std::uint16_t>(payload, 4);
  const std::size_t pairs = read_number<std::uint16_t>(payload, 6);
  payload.remove_prefix(message_head_bytes);
  if (content_type + accept > payload.size()) return broken("a head ends behind its frame");
  frame.content_type = payload.substr(0, content_type);
  frame.accept = payload.substr(content_type, accept);
  payload.remove_prefix(content_type + accept);
  if (pairs > link_pairs_max) return broken("too many headers");
  const auto pair_bytes = measure_pairs(payload, pairs);
  if (!pair_bytes) return broken("a header ends behind its frame");
  frame.headers = LinkPairs(payload.substr(0, *pair_bytes), pairs);
  frame.body = payload.substr(*pair_bytes);
  if (!fits(frame.type, content_type + accept + *pair_bytes, pairs, frame.body.size())) {
    return broken("its parts are past their limits");
  }
  return {};
}

Result<> decode_content(std::string_view payload, char flags, LinkFrame& frame) {
  if (is_message(frame.type)) {
    if (frame.type == LinkFrameType::request && flags == 1) frame.answer = LinkAnswer::streamed;
    if (frame.type == LinkFrameType::response) frame.pace = static_cast<LinkPace>(flags);
    return decode_message(payload, frame);
  }
  switch (frame.type) {
    case LinkFrameType::part:
    case LinkFrameType::abort: frame.body = payload; return {};
    case LinkFrameType::credit:
      if (payload.size() != sizeof(frame.credit)) return broken("a credit is no number");
      frame.credit = read_number<std::uint32_t>(payload, 0);
      return {};
    default:
      if (!payload.empty()) return broken("a frame without content has some");
      return {};
  }
}

}  // namespace

std::optional<Header> LinkPairs::next() {
  if (count_ == 0) return std::nullopt;
  const std::size_t name = read_number<std::uint16_t>(bytes_, 0);
  const std::size_t value = read_number<std::uint16_t>(bytes_, 2);
  const Header header{bytes_.substr(4, name), bytes_.substr(4 + name, value)};
  bytes_.remove_prefix(4 + name + value);
  --count_;
  return header;
}

std::optional<std::string_view> LinkPairs::find(std::string_view name) const {
  LinkPairs rest = *this;
  while (const auto header = rest.next()) {
    if (same_name(header->name, name)) return header->value;
  }
  return std::nullopt;
}

Result<std::optional<LinkFrame>> take_link_frame(std::string_view& bytes) {
  if (bytes.size() < link_frame_head_bytes) return std::nullopt;
  const std::size_t length = read_number<std::uint32_t>(bytes, 0);
  const auto type = read_number<std::uint8_t>(bytes, 4);
  if (type < 1 || type > 10) return broken("its type is unknown");
  if (length > length_max(static_cast<LinkFrameType>(type)))
    return broken("its length is past the limit");
  if (bytes.size() - link_frame_head_bytes < length) return std::nullopt;
  LinkFrame frame;
  frame.type = static_cast<LinkFrameType>(type);
  frame.id = read_number<std::uint32_t>(bytes, 8);
  TRY_DO(decode_content(bytes.substr(link_frame_head_bytes, length), bytes[5], frame));
  bytes.remove_prefix(link_frame_head_bytes + length);
  return frame;
}

bool fits_link(const LinkRequest& request) {
  return fits(LinkFrameType::request,
              head_bytes(request.content_type, request.accept, request.headers),
              request.headers.size(), request.body.size());
}

Result<> append_link_request(std::string& out, const LinkRequest& request) {
  return append_message(
      out, {LinkFrameType::request, request.id, 0, request.content_type, request.accept,
            request.headers, request.body, static_cast<std::uint8_t>(request.answer)});
}

Result<> append_link_response(std::string& out, const LinkResponse& response) {
  return append_message(out, {LinkFrameType::response,
                              response.id,
                              response.status,
                              response.content_type,
                              {},
                              response.headers,
                              response.body,
                              response.pace});
}

Result<> append_link_begin(std::string& out, const LinkResponse& response) {
  return append_message(out, {LinkFrameType::begin,
                              response.id,
                              response.status,
                              response.content_type,
                              {},
                              response.headers,
                              {}});
}

void append_link_part(std::string& out, std::uint32_t id, std::string_view bytes) {
  append_frame_head(out, LinkFrameType::part, id, bytes.size());
  out.append(bytes);
}

void append_link_end(std::string& out, std::uint32_t id) {
  append_frame_head(out, LinkFrameType::end, id, 0);
}

void append_link_abort(std::string& out, std::uint32_t id, std::string_view why) {
  why = why.substr(0, link_abort_bytes_max);
  append_frame_head(out, LinkFrameType::abort, id, why.size());
  out.append(why);
}

void append_link_credit(std::string& out, std::uint32_t id, std::uint32_t bytes) {
  append_frame_head(out, LinkFrameType::credit, id, sizeof(bytes));
  append_number(out, bytes);
}

void append_link_ping(std::string& out, std::uint32_t id) {
  append_frame_head(out, LinkFrameType::ping, id, 0);
}

void append_link_pong(std::string& out, std::uint32_t id) {
  append_frame_head(out, LinkFrameType::pong, id, 0);
}

void append_link_cancel(std::string& out, std::uint32_t id) {
  append_frame_head(out, LinkFrameType::cancel, id, 0);
}

std::span<char> LinkInput::space(std::size_t bytes_min) {
  if (spare_ && !bytes_ && spare_->bytes_) {
    bytes_ = std::move(spare_->bytes_);
    capacity_ = link_input_bytes;
  }
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > kept_input_bytes_max) resize(0);
  }
  if (capacity_ - end_ < bytes_min && begin_ > 0) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ < bytes_min) resize(std::max(end_ + bytes_min, 2 * capacity_));
  return {bytes_.get() + end_, capacity_ - end_};
}

void LinkInput::rest() {
  if (!spare_ || begin_ != end_ || capacity_ != link_input_bytes) return;
  if (spare_->bytes_)
    bytes_.reset();
  else
    spare_->bytes_ = std::move(bytes_);
  begin_ = end_ = capacity_ = 0;
}

void LinkInput::resize(std::size_t capacity) {
  auto bytes = capacity > 0 ? std::make_unique_for_overwrite<char[]>(capacity) : nullptr;
  if (end_ > 0) std::memcpy(bytes.get(), bytes_.get(), end_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

Result<std::optional<LinkFrame>> LinkInput::take() {
  std::string_view rest(bytes_.get() + begin_, end_ - begin_);
  auto frame = take_link_frame(rest);
  begin_ = end_ - rest.size();
  return frame;
}

}  // namespace slipway::net
