// Writes the head of an answer: status line, the handler's fields, and the ones that are the
// server's own. Internal to net.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace slipway::net {

// Whether an answer of that status never has a body (RFC 9110 section 6.4.1).
bool is_bodiless(int status);

// One head, appended to a text. Call status(), field() any number of times, then end().
class ResponseHead {
 public:
  // How the body's end is told.
  enum class Framing : std::uint8_t { none, length, chunked, until_close };

  explicit ResponseHead(std::string& out) : out_(out), begin_(out.size()) {}

  void status(int status);
  // Content-Length, Transfer-Encoding and Connection are taken note of and left out.
  void field(const Header& field);
  template <typename Range>
  void fields(const Range& range) {
    for (const Header& each : range) field(each);
  }
  void fields(const Fields& list) {
    list.for_each([this](const Header& each) { field(each); });
  }
  void framing(Framing framing, std::uint64_t length);
  enum class Persistence : std::uint8_t { close, keep_1_0, keep_1_1 };
  // `date`: "Date: ...\r\n", left out where the handler gave one. Returns how much was appended.
  std::size_t end(Persistence persistence, std::string_view date);

  // Returns what the handler's fields said.
  std::optional<std::uint64_t> given_length() const { return given_length_; }
  bool given_close() const { return given_close_; }

 private:
  std::string& out_;
  std::size_t begin_;
  std::optional<std::uint64_t> given_length_;
  bool given_close_ = false;
  bool given_date_ = false;
};

}  // namespace slipway::net
