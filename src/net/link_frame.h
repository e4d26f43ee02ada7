// The framed link between the router and a model server: the codec, pure functions over bytes.
//
// One stream (a unix socket) carries many exchanges at once, so a burst of requests costs one write
// and forms a batch at the other end by itself. Little endian. A frame is
//
//   u32 length   of what follows these 12 bytes
//   u8  type     LinkFrameType
//   u8  flags    1 in a request: its answer may come in parts; in a response: its pace; else 0
//   u16 reserved 0
//   u32 id       of the exchange, chosen by the router; an answer repeats it
//
// and then, for a request and a response,
//
//   u16 status             (request: 0)
//   u16 content_type_bytes
//   u16 accept_bytes       (response: 0)
//   u16 pairs              further headers
//   content type, accept, then for each pair: u16 name_bytes, u16 value_bytes, name, value
//   body                   the rest
//
// ping and pong carry nothing; cancel carries nothing and means: nobody waits for `id` any more (it
// may be answered all the same). A request whose body is over link_body_bytes_max goes by HTTP
// instead; an answer may be long, for a model must not be run again because of it.
//
// An answer in parts, where the request allows it: one begin (as a response, its body empty), parts
// (nothing but bytes), then end (nothing) or abort (a sentence: the answer stays incomplete). The
// bytes of parts are limited by a window for each exchange: link_window_bytes at the beginning, and
// what the router adds with credit (u32 bytes). So a reader that is slow slows its own exchange
// down and no other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace slipway::net {

inline constexpr std::size_t link_body_bytes_max = 64 * 1024;  // of a request
inline constexpr std::size_t link_response_body_bytes_max = 32UL << 20;
inline constexpr std::size_t link_head_bytes_max = 16 * 1024;  // content type, accept and pairs
inline constexpr std::size_t link_pairs_max = 64;
inline constexpr std::size_t link_frame_head_bytes = 12;
inline constexpr std::size_t link_part_bytes_max = 256 * 1024;
inline constexpr std::size_t link_window_bytes = 256 * 1024;
inline constexpr std::size_t link_abort_bytes_max = 4 * 1024;

// Says what a frame is; the numbers are those on the wire.
enum class LinkFrameType : std::uint8_t {
  request = 1,
  response = 2,
  ping = 3,
  pong = 4,
  cancel = 5,
  begin = 6,
  part = 7,
  end = 8,
  abort = 9,
  credit = 10,
};

// How the router takes an answer.
enum class LinkAnswer : std::uint8_t { whole, streamed };

// A pace says how many requests a response's model runs within link_pace_time, at most 255.
using LinkPace = std::uint8_t;
inline constexpr std::chrono::microseconds link_pace_time{100};

// The further headers of a frame, read one by one from its bytes.
class LinkPairs {
 public:
  LinkPairs() = default;
  LinkPairs(std::string_view bytes, std::size_t count) : bytes_(bytes), count_(count) {}

  std::size_t size() const { return count_; }
  // The next one, or nothing at the end.
  std::optional<Header> next();
  std::optional<std::string_view> find(std::string_view name) const;

 private:
  std::string_view bytes_;
  std::size_t count_ = 0;
};

// A decoded frame. Views into the bytes it was decoded from.
struct LinkFrame {
  LinkFrameType type = LinkFrameType::ping;
  std::uint32_t id = 0;
  LinkAnswer answer = LinkAnswer::whole;  // request
  std::uint16_t status = 0;               // response, begin
  std::string_view content_type;          // request, response, begin
  std::string_view accept;                // request
  LinkPairs headers;                      // request, response, begin
  std::string_view body;                  // request, response, part; abort: why
  LinkPace pace = 0;                      // response
  std::uint32_t credit = 0;               // credit
};

// Takes the first frame off the front of `bytes`. Nothing: the frame is not complete yet, and
// `bytes` is as it was. corrupted: no frame, or past a limit; the link must be closed.
// No allocation but for an error.
Result<std::optional<LinkFrame>> take_link_frame(std::string_view& bytes);

// A request on its way into a frame. Borrows everything.
struct LinkRequest {
  std::uint32_t id = 0;
  std::string_view content_type = {};
  std::string_view accept = {};
  std::span<const Header> headers = {};
  std::string_view body = {};
  LinkAnswer answer = LinkAnswer::whole;
};

// An answer on its way into a frame. Borrows everything.
struct LinkResponse {
  std::uint32_t id = 0;
  std::uint16_t status = 200;
  std::string_view content_type = {};
  std::span<const Header> headers = {};
  std::string_view body = {};
  LinkPace pace = 0;
};

// Each appends one frame to `out`. limit_exceeded, and then nothing was appended: the body or the
// headers are past the limits above (send it by HTTP).
Result<> append_link_request(std::string& out, const LinkRequest& request);
Result<> append_link_response(std::string& out, const LinkResponse& response);
// Begins an answer in parts; its body is not looked at.
Result<> append_link_begin(std::string& out, const LinkResponse& response);
// At most link_part_bytes_max.
void append_link_part(std::string& out, std::uint32_t id, std::string_view bytes);
void append_link_end(std::string& out, std::uint32_t id);
// A longer sentence is cut.
void append_link_abort(std::string& out, std::uint32_t id, std::string_view why);
void append_link_credit(std::string& out, std::uint32_t id, std::uint32_t bytes);
void append_link_ping(std::string& out, std::uint32_t id);
void append_link_pong(std::string& out, std::uint32_t id);
void append_link_cancel(std::string& out, std::uint32_t id);

// Whether such a request fits into a frame.
bool fits_link(const LinkRequest& request);

inline constexpr std::size_t link_input_bytes = 64 * 1024;

// A buffer in which the links of one thread take turns: one that has taken all that it read gives
// it back. Thousands of idle links hold nothing so, and busy ones read to where the cache is warm.
class LinkSpare {
 private:
  friend class LinkInput;
  std::unique_ptr<char[]> bytes_;  // link_input_bytes; null: it is lent out, or was never made
};

// The bytes of a link that were read and not yet taken. Frames are views into it until the next
// space() or rest().
class LinkInput {
 public:
  // `spare`, where there is one, outlives this object.
  explicit LinkInput(LinkSpare* spare = nullptr) : spare_(spare) {}

  // At least `bytes_min` bytes to read into.
  std::span<char> space(std::size_t bytes_min = link_input_bytes);
  // So many bytes were read into the space.
  void filled(std::size_t bytes) { end_ += bytes; }
  // The next complete frame.
  Result<std::optional<LinkFrame>> take();
  // Gives the buffer back where everything was taken. One that grew is kept: the next answer may be
  // as long.
  void rest();

 private:
  void resize(std::size_t capacity);

  LinkSpare* spare_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace slipway::net
