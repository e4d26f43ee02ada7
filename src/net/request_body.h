// The body of the request that a connection of the server is receiving. Internal to net.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "net/http_server.h"
#include "net/message_reader.h"

namespace slipway::net {

// Takes a body as the parser decodes it: collects it in the request's message, or passes it on to a
// receiver. Knows what it may take: bytes, memory, and time. Loop thread.
class RequestBody final : public BodySink {
 public:
  // Both outlive this object; `reader` has it for its sink.
  RequestBody(MessageReader& reader, const HttpLimits& limits);

  // The next request has no body yet. The receiver of the last one must be gone.
  void begin() {
    collected_ = wanted_ = paused_ = starved_ = false;
    starved_since_.reset();
    bytes_ = bytes_max_ = 0;
  }
  // The head that was read announces a body that is collected, or passed on. False: it announces
  // more than `bytes_max`; it may still be refused in the handler's words.
  bool collect(std::uint64_t bytes_max);
  bool pass_on(std::unique_ptr<BodyReceiver> receiver, std::uint64_t bytes_max);
  // The handler let the body in, to be collected: it has words for what is refused.
  bool is_collected() const { return collected_; }
  bool is_passed_on() const { return receiver_ != nullptr; }
  BodyReceiver& receiver() { return *receiver_; }

  // It was passed on to its end: the receiver is told, with the trailers.
  void end();
  // The rest is nobody's: of what the parser has in hand too.
  void give_up() { wanted_ = starved_ = false; }
  // Does that, and tells the receiver, where there is one, why; it may answer from within.
  void abort(Loop& loop, ErrorCode code, std::string_view reason);
  // The receiver is done with, and lives until the loop's batch ends: this may be called from
  // inside it.
  void drop_receiver(Loop& loop) {
    if (receiver_) loop.post([gone = std::move(receiver_)] {});
  }
  Take on_body(std::string_view bytes) override;

  // Time: in each window at least so much must come, unless the receiver wants none now.
  void begin_window(Instant now) {
    since_ = now;
    window_bytes_ = 0;
  }
  bool is_too_slow(Instant now);
  // For how long nothing came though it was wanted: since the window's begin, or not at all.
  Instant::duration awaited(Instant now) const {
    return window_bytes_ == 0 && !paused_ && !starved_ ? now - since_ : Instant::duration{};
  }
  Instant since() const { return since_; }
  void set_paused(bool paused) { paused_ = paused; }
  bool paused() const { return paused_; }

  // Memory: what the message's buffer grows to where it is full, and whether the budget has room
  // for what is read next. A body that nobody counts always finds some.
  std::size_t next_capacity() const;
  bool has_room();
  // Nothing is read on until look_for_room() finds some.
  bool starved() const { return starved_; }
  void starve(Instant now);
  enum class Room : std::uint8_t { found, none_yet, none_in_time };
  Room look_for_room(Instant now);

 private:
  std::uint64_t window_bytes_min() const;
  bool admit(std::uint64_t bytes_max);

  MessageReader& reader_;
  const HttpLimits& limits_;
  std::unique_ptr<BodyReceiver> receiver_;
  bool collected_ = false;
  bool wanted_ = false;
  bool paused_ = false;
  bool starved_ = false;
  std::optional<Instant> starved_since_;  // the first time, since it found room last
  std::uint64_t bytes_ = 0;               // so far
  std::uint64_t bytes_max_ = 0;
  Instant since_;  // the window's begin
  std::uint64_t window_bytes_ = 0;
};

}  // namespace slipway::net
