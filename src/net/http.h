// HTTP messages: what a request is when it arrived, what a response is before it leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "net/socket.h"

namespace slipway::net {

// Whether two header names are the same: ASCII letters compare without case.
bool same_name(std::string_view a, std::string_view b);

// A field as it was sent; the value without the white space around it. Views.
struct Header {
  std::string_view name;
  std::string_view value;
};

// The fields of a message in the order sent, repeated ones included. Borrows.
class Headers {
 public:
  Headers() = default;
  explicit Headers(std::span<const Header> list) : list_(list) {}

  // The first of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  // The first of that name, or nothing's stand-in.
  std::string_view get(std::string_view name, std::string_view otherwise = {}) const {
    return find(name).value_or(otherwise);
  }
  bool has(std::string_view name) const { return find(name).has_value(); }

  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  std::size_t size() const { return list_.size(); }
  const Header& operator[](std::size_t i) const { return list_[i]; }

 private:
  std::span<const Header> list_;
};

// The fields of a message that is being made. Owns them, as one text in wire form. CR, LF and NUL
// in a name or value become spaces, so that no value can start a field of its own.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Header> list);

  Fields& add(std::string_view name, std::string_view value);
  Fields& set(std::string_view name, std::string_view value);  // in place of all of that name
  Fields& remove(std::string_view name);
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  bool empty() const { return text_.empty(); }

  // Visits each field in order: `visit(Header)`.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::string_view rest = text_; !rest.empty();) visit(take_field(rest));
  }

  // "Name: value\r\n" for each.
  const std::string& text() const { return text_; }

 private:
  static Header take_field(std::string_view& rest);

  std::string text_;
};

// A part of an open file.
struct FileRange {
  Fd file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Parts of several files, one after the other, each opened when the one before it was sent. `next`
// runs on the loop thread; nothing: a file failed, and the connection is cut. Their lengths add up
// to `length`. In a request: ClientRequest::body_files, which makes one for each attempt.
struct FileSequence {
  std::uint64_t length = 0;
  std::move_only_function<std::optional<FileRange>()> next;
};

// The bytes after the head of a message that is sent. Move-only.
class Body {
 public:
  Body() = default;
  Body(std::string text) : content_(std::move(text)) {}           // NOLINT
  Body(const char* text) : content_(std::string_view(text)) {}    // NOLINT: a literal
  Body(FileSequence sequence) : content_(std::move(sequence)) {}  // NOLINT
  Body(FileRange range) : content_(std::move(range)) {}           // NOLINT
  // Bytes that outlive the sending, such as a literal's.
  static Body borrowed(std::string_view bytes);
  // Bytes that `owner` keeps alive; it is let go on the loop thread when they were sent.
  static Body shared(std::string_view bytes, std::shared_ptr<const void> owner);

  std::uint64_t size() const;
  // The bytes, unless they are in files.
  std::string_view view() const;
  FileSequence* sequence() { return std::get_if<FileSequence>(&content_); }
  FileRange* file() { return std::get_if<FileRange>(&content_); }
  std::string* text() { return std::get_if<std::string>(&content_); }

  struct Shared {
    std::string_view bytes;
    std::shared_ptr<const void> owner;
  };
  Shared* owned() { return std::get_if<Shared>(&content_); }

 private:
  std::variant<std::string_view, std::string, FileRange, FileSequence, Shared> content_;
};

// An answer. Content-Length, Transfer-Encoding, Connection and Date are the server's to write; a
// Content-Length given here is sent only in answer to HEAD, where the body is left out (or for
// 304).
struct Response {
  int status = 200;
  Fields headers = {};
  Body body = {};
};

// An answer whose every part is borrowed for the length of one call: the way without allocation.
struct ResponseView {
  int status = 200;
  std::span<const Header> headers = {};
  std::string_view body = {};
};

// "Not Found" for 404; "Unknown" for a number nobody defined.
std::string_view reason_phrase(int status);

// `{status, text/plain, sentence}`.
Response plain_response(int status, std::string_view sentence);

// The version that a message is of.
enum class HttpVersion : std::uint8_t { v1_0, v1_1 };

// The head of a request. Everything is a view into the request that owns it.
struct RequestHead {
  std::string_view method;  // upper case as sent
  std::string_view target;  // path and query exactly as sent: "/a%20b?x=1"
  std::string_view path;    // the part before '?', as sent
  std::string_view query;   // the part after it, as sent, without '?'
  HttpVersion version = HttpVersion::v1_1;
  Headers headers;
  std::string_view peer;                        // "127.0.0.1:52344" or "unix"
  bool secure = false;                          // came over TLS
  Instant received_at;                          // when the head's first bytes were read
  std::optional<std::uint64_t> content_length;  // absent: none announced, or chunked
  bool chunked = false;
  bool expects_continue = false;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct Message;

// Gives the message's buffer back to the loop it came from, or frees it.
struct MessageReturn {
  void operator()(Message* message) const;
};

// A request that arrived whole, or the head of one whose body is streamed. Owns the bytes it views:
// it may be moved to any thread, and outlive the connection and the server. Move-only.
class Request {
 public:
  // Made by hand, copying: for tests and for requests that no socket brought.
  static Request make(std::string_view method, std::string_view target,
                      std::span<const Header> headers = {}, std::string_view body = {});
  static Request make(std::string_view method, std::string_view target,
                      std::initializer_list<Header> headers, std::string_view body = {});

  explicit Request(std::unique_ptr<Message, MessageReturn> message)
      : message_(std::move(message)) {}
  Request(Request&&) noexcept = default;
  Request& operator=(Request&&) noexcept = default;

  const RequestHead& head() const;
  std::string_view method() const { return head().method; }
  std::string_view target() const { return head().target; }
  std::string_view path() const { return head().path; }
  std::string_view query() const { return head().query; }
  HttpVersion version() const { return head().version; }
  const Headers& headers() const { return head().headers; }
  std::string_view peer() const { return head().peer; }
  Instant received_at() const { return head().received_at; }
  // The whole body, without its chunks. Empty where the body is streamed.
  std::string_view body() const;
  // The fields after a chunked body.
  Headers trailers() const;

  // In place of what was sent under those names: for what says elsewhere, as in a presigned URL,
  // what its headers are to be.
  void put_headers(Fields headers);

 private:
  std::unique_ptr<Message, MessageReturn> message_;
};

}  // namespace slipway::net
