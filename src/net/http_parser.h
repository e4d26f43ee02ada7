// llhttp around a Message: finds the head's views, decodes the body, enforces the limits of a head.
// Internal to net; used by the server and by both clients.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "net/message.h"

namespace slipway::net {

// The largest head that is taken; anything larger is refused.
struct ParserLimits {
  std::size_t target_bytes_max = 32 * 1024;
  std::size_t header_bytes_max = 64 * 1024;
  std::size_t headers_max = 128;
};

// Takes the decoded body, piece by piece. Refusing ends the message with Stop::failed.
class BodySink {
 public:
  enum class Take : std::uint8_t { more, too_much };

  virtual ~BodySink() = default;
  virtual Take on_body(std::string_view bytes) = 0;
};

// One connection's parser, used for one message after the other.
//
// Refuses by itself, with the status to answer: Content-Length beside Transfer-Encoding, several
// Content-Lengths, codings other than chunked, folded lines, bare LF, NUL, spaces before the colon,
// broken chunk sizes, HTTP/1.1 without exactly one Host.
class HttpParser {
 public:
  enum class Kind : std::uint8_t { request, response };
  enum class Stop : std::uint8_t { used_up, head_done, message_done, failed };

  HttpParser(Kind kind, const ParserLimits& limits, BodySink& sink);
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  // Starts on a new message.
  void begin(Message& message);
  // After head_done: what follows (trailers) goes into another message.
  void go_on_in(Message& message) { message_ = &message; }
  // Goes on with `bytes` until they are used up or something is complete; `consumed` says how far.
  // Up to head_done the bytes lie in the message's buffer and follow each other there.
  Stop feed(std::string_view bytes, std::size_t& consumed);
  // The connection ended: message_done where that is how an answer ends, else failed.
  Stop feed_end();
  // After head_done of an answer to HEAD: no body follows.
  void skip_body() { parser_.flags |= F_SKIPBODY; }

  // Of the current message, from head_done on.
  bool keep_alive() const { return keep_alive_; }

  // After Stop::failed.
  int failure_status() const { return failure_status_; }
  std::string_view failure_reason() const { return failure_reason_; }

 private:
  struct Part {
    std::size_t at = 0;
    std::size_t size = 0;
  };
  struct FieldParts {
    Part name;
    Part value;
  };
  struct Callbacks;

  static const llhttp_settings_t& settings();

  int refuse(int status, std::string_view reason);
  Stop explain();
  int grow(Part& part, const char* at, std::size_t size, std::size_t bytes_max, int status);
  int on_target(const char* at, std::size_t size);
  int on_field(const char* at, std::size_t size);
  int on_value(const char* at, std::size_t size);
  int on_head();
  int check_request_head();
  void set_head();
  int on_body(const char* at, std::size_t size);
  int on_message_complete();
  int on_chunk_extension(std::size_t size);
  int count_trailer(std::size_t size);
  std::string_view view(const Part& part) const;

  llhttp_t parser_;
  const ParserLimits& limits_;
  BodySink& sink_;
  Message* message_ = nullptr;
  Part target_;
  std::vector<FieldParts> fields_;  // of the head; of the trailers once the head is done
  std::size_t extension_bytes_ = 0;
  bool value_follows_ = false;  // the last thing seen was a field's name
  bool head_done_ = false;
  bool message_done_ = false;
  bool keep_alive_ = false;
  int failure_status_ = 400;
  std::string_view failure_reason_;
};

}  // namespace slipway::net
