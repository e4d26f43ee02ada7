// The writing half of a connection: answers, whole or streamed, and the connection's end.
#include <utility>

#include "net/http_connection.h"

namespace slipway::net {

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

template <typename HeaderList, typename Bytes>
void Connection::answer(int status, const HeaderList& headers, Bytes&& body) {
  // A body that is still coming is not waited for.
  if (input_ == Input::body || server_->draining || peer_ended_) answer_.close_after();
  answer_.head(status, headers, body.size(), server_->date_line());
  answer_.whole(std::forward<Bytes>(body));
  answered();
}

void Connection::send(std::uint64_t turn, Response&& response) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = shared_from_this(), turn, late = std::move(response)]() mutable {
      self->send(turn, std::move(late));
    });
  }
  if (!current(turn) || answer_.begun()) return;
  answer(response.status, response.headers, std::move(response.body));
}

void Connection::send_view(std::uint64_t turn, const ResponseView& response) {
  if (!loop_.in_loop_thread()) {
    Response copy{.status = response.status, .body = std::string(response.body)};
    for (const Header& header : response.headers) copy.headers.add(header.name, header.value);
    return send(turn, std::move(copy));
  }
  if (!current(turn) || answer_.begun()) return;
  answer(response.status, response.headers, response.body);
}

void Connection::start(std::uint64_t turn, int status, Fields&& headers) {
  on_loop(turn, [this, status, fields = std::move(headers)] {
    if (answer_.begun()) return;
    if (server_->draining || peer_ended_) answer_.close_after();
    answer_.head(status, fields, std::nullopt, server_->date_line());
    loop_.at_batch_end(*this);
  });
}

std::size_t Connection::write(std::uint64_t turn, std::string_view bytes) {
  if (!loop_.in_loop_thread()) {
    const std::size_t waiting = answer_.note_coming(bytes.size());
    loop_.post([self = shared_from_this(), turn, copy = std::string(bytes)] {
      self->answer_.note_come(copy.size());
      self->write(turn, copy);
    });
    return waiting;
  }
  if (!current(turn) || !answer_.begun() || bytes.empty()) return answer_.bytes();
  answer_.piece(bytes);
  loop_.at_batch_end(*this);
  return answer_.bytes();
}

void Connection::flush_now(std::uint64_t turn) {
  on_loop(turn, [this] { flush(); });
}

void Connection::finish(std::uint64_t turn) {
  on_loop(turn, [this] {
    if (!answer_.end()) return close();
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
  if (!current(turn) || answer_.empty()) return loop_.post(std::move(task));
  answer_.set_drained(std::move(task));
}

void Connection::on_closed(std::uint64_t turn, Task task) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = shared_from_this(), turn, late = std::move(task)]() mutable {
      self->on_closed(turn, std::move(late));
    });
  }
  if (!live()) return loop_.post(std::move(task));
  if (!current(turn)) return;
  on_closed_ = std::move(task);
  if (hung_up_ && input_ == Input::none) tell_closed();
}

void Connection::set_paused(std::uint64_t turn, bool paused) {
  on_loop(turn, [this, paused] {
    if (body_.paused() == paused) return;
    body_.set_paused(paused);
    body_.begin_window(now());
    if (!paused) advance();
  });
}

// The answer under way is complete and in the queue.
void Connection::answered() {
  owes_answer_ = false;
  on_closed_ = {};
  drop_receiver();
  body_.give_up();
  if (input_ == Input::body) input_ = Input::discarded;
  if (answer_.is_last() || input_ == Input::discarded) {
    ending_ = true;
    since_ = now();
    reader_.drop();
  } else {
    next_turn();
  }
  advance();
}

void Connection::next_turn() {
  ++turn_;
  body_.begin();
  answer_.begin({});
  input_ = Input::head;
  since_ = now();
  reader_.begin_kept();
}

void Connection::flush() {
  switch (answer_.flush(now())) {
    case OutQueue::Flush::emptied: return written_out();
    case OutQueue::Flush::blocked: return count_unread();
    case OutQueue::Flush::out_of_turn: return go_on_later();
    case OutQueue::Flush::broken:
    case OutQueue::Flush::no_source: return close();
  }
}

// An answer waits in memory for a client that reads slowly: where there is no room for many such,
// this one is cut.
void Connection::count_unread() {
  const auto& memory = server_->limits.memory;
  const auto standing = known_ ? Standing::proven : Standing::claimed;
  if (memory && !answer_.count_unread(*memory, address_of(peer_), standing)) close();
}

void Connection::written_out() {
  if (Task task = answer_.take_drained()) loop_.post(std::move(task));
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
