// The writing half of a connection: answers, whole or streamed, and the connection's end.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"
#include "net/http_connection.h"

namespace slipway::net {
namespace {

constexpr std::uint64_t write_bytes_max = 4 << 20;  // before other connections have their turn
// What a client may leave unread before the budget counts it.
constexpr std::uint64_t uncounted_unread_max = 64 * 1024;

void append_chunk_head(std::string& out, std::size_t size) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  out.append(digits.data(), end);
  out += "\r\n";
}

}  // namespace

template <typename Act>
void Connection::on_loop(std::uint64_t turn, Act act) {
  if (loop_.in_loop_thread()) {
    if (current(turn)) act();
    return;
  }
  loop_.post([self = shared_from_this(), turn, act = std::move(act)]() mutable {
    if (self->current(turn)) act();
  });
}

// `length`: of the body, or nothing where it is not known. Says how the body's end is told.
template <typename HeaderList>
Connection::Framing Connection::write_head(int status, const HeaderList& headers,
                                           std::optional<std::uint64_t> length) {
  std::string& out = out_.text();
  ResponseHead head(out);
  head.status(status);
  head.fields(headers);
  const bool bodiless = is_bodiless(status);
  // Where no body follows, the handler may know better how long it would have been.
  const bool told = head.given_length() && (!length || turn_.head_only || bodiless);
  if (told) length = head.given_length();
  Framing framing = Framing::length;
  if (bodiless && !(told && status == 304)) framing = Framing::none;
  if (!bodiless && !length) {
    framing = turn_.version == HttpVersion::v1_1 ? Framing::chunked : Framing::until_close;
  }
  head.framing(framing, length.value_or(0));
  if (framing == Framing::until_close || head.given_close() || server_->draining || peer_ended_) {
    turn_.keep_alive = false;
  }
  using Persistence = ResponseHead::Persistence;
  const bool close = !turn_.keep_alive;
  const auto kept =
      turn_.version == HttpVersion::v1_0 ? Persistence::keep_1_0 : Persistence::keep_1_1;
  out_.appended(head.end(close ? Persistence::close : kept, server_->date_line()));
  turn_.started = true;
  turn_.length_left = length.value_or(0);
  return bodiless || turn_.head_only ? Framing::none : framing;
}

template <typename HeaderList>
void Connection::answer(int status, const HeaderList& headers, Body&& body) {
  // A body that is still coming is not waited for.
  if (input_ == Input::body) turn_.keep_alive = false;
  const Framing framing = write_head(status, headers, body.size());
  if (framing == Framing::length) out_.add_body(std::move(body));
  answered();
}

void Connection::send(std::uint64_t turn, Response&& response) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = shared_from_this(), turn, late = std::move(response)]() mutable {
      self->send(turn, std::move(late));
    });
  }
  if (!current(turn) || turn_.started) return;
  answer(response.status, response.headers, std::move(response.body));
}

void Connection::send_view(std::uint64_t turn, const ResponseView& response) {
  if (!loop_.in_loop_thread()) {
    Response copy{.status = response.status, .body = std::string(response.body)};
    for (const Header& header : response.headers) copy.headers.add(header.name, header.value);
    return send(turn, std::move(copy));
  }
  if (!current(turn) || turn_.started) return;
  if (input_ == Input::body) turn_.keep_alive = false;
  const Framing framing = write_head(response.status, response.headers, response.body.size());
  if (framing == Framing::length) out_.add(response.body);
  answered();
}

void Connection::start(std::uint64_t turn, int status, Fields&& headers) {
  on_loop(turn, [this, status, fields = std::move(headers)] {
    if (turn_.started) return;
    turn_.framing = write_head(status, fields, std::nullopt);
    loop_.at_batch_end(*this);
  });
}

std::size_t Connection::write(std::uint64_t turn, std::string_view bytes) {
  if (!loop_.in_loop_thread()) {
    posted_bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    loop_.post([self = shared_from_this(), turn, copy = std::string(bytes)] {
      self->posted_bytes_.fetch_sub(copy.size(), std::memory_order_relaxed);
      self->write(turn, copy);
    });
    return posted_bytes_.load(std::memory_order_relaxed) +
           queued_bytes_.load(std::memory_order_relaxed);
  }
  if (!current(turn) || !turn_.started || bytes.empty()) return out_.bytes();
  if (turn_.framing == Framing::length) {
    bytes = bytes.substr(0, turn_.length_left);  // more than was promised cannot be sent
    turn_.length_left -= bytes.size();
  }
  if (turn_.framing == Framing::chunked) {
    std::string& out = out_.text();
    const std::size_t before = out.size();
    append_chunk_head(out, bytes.size());
    out.append(bytes).append("\r\n");
    out_.appended(out.size() - before);
  } else if (turn_.framing != Framing::none) {
    out_.add(bytes);
  }
  note_queue();
  loop_.at_batch_end(*this);
  return out_.bytes();
}

void Connection::flush_now(std::uint64_t turn) {
  on_loop(turn, [this] { flush(); });
}

void Connection::finish(std::uint64_t turn) {
  on_loop(turn, [this] {
    // Less than was promised: only a cut tells the client.
    if (turn_.framing == Framing::length && turn_.length_left > 0) return close();
    if (turn_.framing == Framing::chunked) out_.add("0\r\n\r\n");
    answered();
  });
}

void Connection::abort(std::uint64_t turn) {
  on_loop(turn, [this] { close(); });
}

void Connection::on_drained(std::uint64_t turn, Task task) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = shared_from_this(), turn, late = std::move(task)]() mutable {
      self->on_drained(turn, std::move(late));
    });
  }
  if (!current(turn) || out_.empty()) return loop_.post(std::move(task));
  turn_.on_drained = std::move(task);
}

void Connection::on_closed(std::uint64_t turn, Task task) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = shared_from_this(), turn, late = std::move(task)]() mutable {
      self->on_closed(turn, std::move(late));
    });
  }
  if (!live()) return loop_.post(std::move(task));
  if (!current(turn)) return;
  turn_.on_closed = std::move(task);
  if (hung_up_ && input_ == Input::none) tell_closed();
}

void Connection::set_paused(std::uint64_t turn, bool paused) {
  on_loop(turn, [this, paused] {
    if (turn_.paused == paused) return;
    turn_.paused = paused;
    since_ = now();
    window_bytes_ = 0;
    if (!paused) advance();
  });
}

// The answer under way is complete and in the queue.
void Connection::answered() {
  turn_.open = false;
  turn_.on_closed = {};
  drop_receiver();
  if (input_ == Input::body) input_ = Input::discarded;
  if (!turn_.keep_alive || input_ == Input::discarded) {
    ending_ = true;
    since_ = now();
    reader_.drop();
  } else {
    next_turn();
  }
  advance();
}

void Connection::next_turn() {
  ++turn_number_;
  Task drained = std::move(turn_.on_drained);
  turn_ = {};
  turn_.on_drained = std::move(drained);
  input_ = Input::head;
  since_ = now();
  reader_.begin_kept();
}

void Connection::flush() {
  const std::uint64_t before = out_.bytes();
  const auto flushed = out_.flush(transport_, write_bytes_max);
  note_queue();
  switch (flushed) {
    case OutQueue::Flush::emptied:
      stalled_ = false;
      unread_.release();
      return written_out();
    case OutQueue::Flush::blocked:
      if (!stalled_ || out_.bytes() < before) stalled_since_ = now();
      stalled_ = true;
      return count_unread();
    case OutQueue::Flush::out_of_turn: return go_on_later();
    case OutQueue::Flush::broken:
    case OutQueue::Flush::no_source: return close();
  }
}

// An answer waits in memory for a client that reads slowly: where there is no room for many such,
// this one is cut.
void Connection::count_unread() {
  const auto& memory = server_->limits.memory;
  const std::uint64_t held = out_.memory_bytes();
  if (!memory || held <= std::max(uncounted_unread_max, unread_.bytes())) return;
  if (unread_.bytes() == 0)
    unread_ = memory->open(address_of(peer_), known_ ? Standing::proven : Standing::claimed);
  if (!unread_.grow_to(held)) close();
}

void Connection::written_out() {
  if (Task task = std::exchange(turn_.on_drained, {})) loop_.post(std::move(task));
  if (ending_ && !lingering_) end_connection();
}

// Closing while unread bytes wait would make the kernel reset the connection, and the client might
// lose the answer: read on for a while.
void Connection::end_connection() {
  if (peer_ended_ || (input_ != Input::discarded && !reader_.has_kept() && !readable_))
    return close();
  transport_.end_writing();
  reader_.drop_kept();
  input_ = Input::discarded;
  lingering_ = true;
  since_ = now();
}

}  // namespace slipway::net
