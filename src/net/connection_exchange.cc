#include "net/connection_exchange.h"

#include <string>
#include <utility>

#include "net/http_connection.h"

namespace slipway::net {

std::shared_ptr<ConnectionExchange> ConnectionExchange::hold() {
  return {connection_.shared_from_this(), this};
}

template <typename Act>
void ConnectionExchange::on_loop(std::uint64_t turn, Act act) {
  if (loop_.in_loop_thread()) {
    if (is_current(turn)) act();
    return;
  }
  loop_.post([self = hold(), turn, act = std::move(act)]() mutable {
    if (self->is_current(turn)) act();
  });
}

void ConnectionExchange::end() {
  owes_answer_ = false;
  on_closed_ = {};
}

void ConnectionExchange::tell_closed() {
  if (Task task = std::exchange(on_closed_, {})) loop_.post(std::move(task));
}

void ConnectionExchange::send(std::uint64_t turn, Response&& response) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = hold(), turn, late = std::move(response)]() mutable {
      self->send(turn, std::move(late));
    });
  }
  if (is_current(turn)) connection_.answer(std::move(response));
}

void ConnectionExchange::send_view(std::uint64_t turn, const ResponseView& response) {
  if (!loop_.in_loop_thread()) {
    Response copy{.status = response.status, .body = std::string(response.body)};
    for (const Header& header : response.headers) copy.headers.add(header.name, header.value);
    return send(turn, std::move(copy));
  }
  if (is_current(turn)) connection_.answer(response);
}

void ConnectionExchange::start(std::uint64_t turn, int status, Fields&& headers) {
  on_loop(turn, [this, status, fields = std::move(headers)] {
    connection_.answer_in_pieces(status, fields);
  });
}

std::size_t ConnectionExchange::write(std::uint64_t turn, std::string_view bytes) {
  ResponseWriter& writer = connection_.writer();
  if (!loop_.in_loop_thread()) {
    const std::size_t waiting = writer.note_coming(bytes.size());
    loop_.post([self = hold(), turn, copy = std::string(bytes)] {
      self->connection_.writer().note_come(copy.size());
      self->write(turn, copy);
    });
    return waiting;
  }
  if (!is_current(turn) || !writer.begun() || bytes.empty()) return writer.bytes();
  writer.piece(bytes);
  loop_.at_batch_end(connection_);
  return writer.bytes();
}

void ConnectionExchange::flush_now(std::uint64_t turn) {
  on_loop(turn, [this] { connection_.flush(); });
}

void ConnectionExchange::finish(std::uint64_t turn) {
  on_loop(turn, [this] {
    if (!connection_.writer().end()) return connection_.close();
    connection_.answered();
  });
}

void ConnectionExchange::abort(std::uint64_t turn) {
  on_loop(turn, [this] { connection_.close(); });
}

void ConnectionExchange::on_drained(std::uint64_t turn, Task task) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = hold(), turn, late = std::move(task)]() mutable {
      self->on_drained(turn, std::move(late));
    });
  }
  ResponseWriter& writer = connection_.writer();
  if (!is_current(turn) || writer.empty()) return loop_.post(std::move(task));
  writer.set_drained(std::move(task));
}

void ConnectionExchange::on_closed(std::uint64_t turn, Task task) {
  if (!loop_.in_loop_thread()) {
    return loop_.post([self = hold(), turn, late = std::move(task)]() mutable {
      self->on_closed(turn, std::move(late));
    });
  }
  if (closed_) return loop_.post(std::move(task));
  if (!is_current(turn)) return;
  on_closed_ = std::move(task);
  if (connection_.client_has_gone()) tell_closed();
}

void ConnectionExchange::set_paused(std::uint64_t turn, bool paused) {
  on_loop(turn, [this, paused] { connection_.set_paused(paused); });
}

void ConnectionExchange::vouch(std::uint64_t turn) {
  if (is_current(turn)) connection_.vouch();
}

}  // namespace slipway::net
