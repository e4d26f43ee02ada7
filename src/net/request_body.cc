#include "net/request_body.h"

#include <algorithm>
#include <utility>

namespace slipway::net {
namespace {

constexpr std::size_t first_growth = 64 * 1024;
// In such steps a body's memory is asked of the budget, ahead of what is read into it.
constexpr std::uint64_t room_step = 256 * 1024;

}  // namespace

RequestBody::RequestBody(MessageReader& reader, const HttpLimits& limits)
    : reader_(reader), limits_(limits) {}

bool RequestBody::admit(std::uint64_t bytes_max) {
  bytes_max_ = bytes_max;
  wanted_ = reader_.message().head.content_length.value_or(0) <= bytes_max;
  return wanted_;
}

bool RequestBody::collect(std::uint64_t bytes_max) {
  collected_ = true;
  return admit(bytes_max);
}

bool RequestBody::pass_on(std::unique_ptr<BodyReceiver> receiver, std::uint64_t bytes_max) {
  if (!admit(bytes_max)) return false;
  receiver_ = std::move(receiver);
  return true;
}

void RequestBody::end() {
  const MessagePtr trailers = reader_.take();
  const std::unique_ptr<BodyReceiver> receiver = std::move(receiver_);
  receiver->on_end(Headers(trailers->trailers));
}

void RequestBody::abort(Loop& loop, ErrorCode code, std::string_view reason) {
  give_up();
  if (!receiver_) return;
  BodyReceiver& receiver = *receiver_;
  drop_receiver(loop);
  receiver.on_abort({code, "the body did not arrive: " + std::string(reason)});
}

BodySink::Take RequestBody::on_body(std::string_view bytes) {
  bytes_ += bytes.size();
  window_bytes_ += bytes.size();
  if (bytes_ > bytes_max_) return Take::too_much;
  if (!receiver_) {
    reader_.add_to_body(bytes);
    return Take::more;
  }
  receiver_->on_data(bytes);
  return wanted_ ? Take::more : Take::too_much;  // it may have been answered or cut meanwhile
}

bool RequestBody::is_too_slow(Instant now) {
  if (starved_ || (!paused_ && now - since_ <= limits_.body_window)) return false;
  if (!paused_ && window_bytes_ < window_bytes_min()) return true;
  begin_window(now);
  return false;
}

// Where memory is short, who sends slowly gives way.
std::uint64_t RequestBody::window_bytes_min() const {
  const bool crowded = limits_.memory && reader_.message().room.bytes() > 0 &&
                       limits_.memory->held() > limits_.memory->bytes_max() / 2;
  return crowded ? limits_.crowded_window_bytes_min : limits_.body_window_bytes_min;
}

// What is announced may never come: memory grows with what came.
std::size_t RequestBody::next_capacity() const {
  const Message& m = reader_.message();
  const std::uint64_t doubled = std::max(2 * m.capacity(), first_growth);
  if (!collected_ || !m.head.content_length) return doubled;
  const std::uint64_t whole = m.body_begin + *m.head.content_length;
  return whole > m.capacity() ? std::min(doubled, whole) : doubled;
}

bool RequestBody::has_room() {
  Message& m = reader_.message();
  const std::uint64_t next = m.used < m.capacity() ? m.capacity() : next_capacity();
  if (next <= m.room.bytes()) return true;
  if (!m.room.grow_to((next + room_step - 1) / room_step * room_step)) return false;
  starved_since_.reset();
  return true;
}

void RequestBody::starve(Instant now) {
  starved_ = true;
  if (!starved_since_) starved_since_ = now;
}

RequestBody::Room RequestBody::look_for_room(Instant now) {
  starved_ = false;
  begin_window(now);
  if (has_room()) return Room::found;
  if (now - *starved_since_ > limits_.room_time) return Room::none_in_time;
  starved_ = true;
  return Room::none_yet;
}

}  // namespace slipway::net
