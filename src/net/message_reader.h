// One connection receives its messages by this, one after the other. Internal to net; of the server
// and of the client on a loop.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "net/http_parser.h"
#include "net/message.h"

namespace slipway::net {

// Holds the message that is being received and knows how much of it was parsed. Whoever reads the
// socket asks where the bytes go, says how many came, and has them parsed.
class MessageReader {
 public:
  using Stop = HttpParser::Stop;

  // `limits` and `sink`, which is given the decoded body, outlive this object.
  MessageReader(HttpParser::Kind kind, const ParserLimits& limits,
                std::shared_ptr<MessagePool> pool, BodySink& sink);

  // Begins a message with what of it has come already.
  void begin(std::string_view first = {});
  // Begins one with what came behind the message that was being received.
  void begin_behind();
  // Keeps what came behind a message until begin_kept(); where nothing came, nothing is received
  // then.
  void keep_for_next(std::string_view bytes, Instant received_at) {
    if (!bytes.empty()) keep(bytes, received_at);
  }
  void begin_kept() {
    message_.reset();
    if (next_) begin(std::move(next_));
  }
  bool has_kept() const { return next_ != nullptr; }

  bool receiving() const { return message_ != nullptr; }
  Message& message() const { return *message_; }  // while receiving()
  std::size_t parsed() const { return parsed_; }  // of its bytes

  // Returns where the next bytes go. The buffer grows to `capacity()` where it is full.
  template <typename Capacity>
  std::span<char> space(Capacity capacity) {
    if (message_->used == message_->capacity()) message_->reserve(capacity());
    return message_->free_space();
  }
  // The same in the place of all that came: for what is passed on and not kept.
  std::span<char> space_anew(std::size_t capacity);
  void received(std::size_t bytes) { message_->used += bytes; }

  bool has_unparsed() const { return message_ != nullptr && parsed_ < message_->used; }
  std::string_view unparsed() const {
    return {message_->data() + parsed_, message_->used - parsed_};
  }
  // Parses what was received; what the sink did meanwhile may have ended the message.
  Stop parse() {
    std::size_t consumed = 0;
    const Stop stop = parser_.feed(unparsed(), consumed);
    parsed_ += consumed;
    return stop;
  }
  // Parses bytes of the message that are elsewhere, as HttpParser has it.
  Stop parse(std::string_view bytes, std::size_t& consumed) {
    return parser_.feed(bytes, consumed);
  }

  // A body that is collected: it begins here, it is `bytes` longer (the sink's), and what was
  // parsed without being the body's (the frames of chunks) gives way to what comes next.
  void begin_body() { message_->body_begin = message_->body_end = parsed_; }
  void add_to_body(std::string_view bytes);
  void close_up() { message_->used = parsed_ = message_->body_end; }
  // A body that is passed on: the head leaves, with its bytes; what came behind it and the trailers
  // are another message's.
  MessagePtr split_head();

  // Hands the message over, or forgets what came; nothing is received then.
  MessagePtr take() { return std::move(message_); }
  void drop() { message_.reset(); }
  void drop_kept() { next_.reset(); }

  HttpParser& parser() { return parser_; }

 private:
  void begin(MessagePtr message) {
    message_ = std::move(message);
    parsed_ = 0;
    parser_.begin(*message_);
  }
  void keep(std::string_view bytes, Instant received_at);

  const std::shared_ptr<MessagePool> pool_;
  HttpParser parser_;
  MessagePtr message_;
  std::size_t parsed_ = 0;
  MessagePtr next_;
};

}  // namespace slipway::net
