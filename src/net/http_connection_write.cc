// The writing half of a connection: answers, whole or streamed, and the connection's end.
#include <utility>

#include "net/http_connection.h"

namespace slipway::net {

template <typename AnyResponse>
void Connection::send(AnyResponse&& response) {
  if (writer_.begun()) return;
  // A body that is still coming is not waited for.
  if (input_ == Input::body || server_->draining || peer_ended_) writer_.close_after();
  writer_.head(response.status, response.headers, response.body.size(), server_->date_line());
  writer_.whole(std::forward<AnyResponse>(response).body);
  answered();
}

void Connection::answer(Response&& response) { send(std::move(response)); }

void Connection::answer(const ResponseView& response) { send(response); }

void Connection::answer_in_pieces(int status, const Fields& headers) {
  if (writer_.begun()) return;
  if (server_->draining || peer_ended_) writer_.close_after();
  writer_.head(status, headers, std::nullopt, server_->date_line());
  loop_.at_batch_end(*this);
}

void Connection::set_paused(bool paused) {
  if (body_.paused() == paused) return;
  body_.set_paused(paused);
  body_.begin_window(now());
  if (!paused) advance();
}

void Connection::answered() {
  exchange_.end();
  body_.drop_receiver(loop_);
  body_.give_up();
  if (input_ == Input::body) input_ = Input::discarded;
  if (writer_.is_last() || input_ == Input::discarded) {
    ending_ = true;
    since_ = now();
    reader_.drop();
  } else {
    next_turn();
  }
  advance();
}

void Connection::next_turn() {
  exchange_.begin_next();
  body_.begin();
  writer_.begin({});
  input_ = Input::head;
  since_ = now();
  reader_.begin_kept();
}

void Connection::flush() {
  switch (writer_.flush(now())) {
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
  if (memory && !writer_.count_unread(*memory, address_of(peer_), standing)) close();
}

void Connection::written_out() {
  if (Task task = writer_.take_drained()) loop_.post(std::move(task));
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
