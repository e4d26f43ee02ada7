// The exchange that a connection of the server has under way. Internal to net.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "net/http_server.h"
#include "net/loop.h"

namespace slipway::net {

class Connection;

// Responders, body writers and controls hold this of a connection: it brings what they say to the
// loop thread, and leaves out what comes for an exchange that is over. A part of its connection,
// which lives for as long as anybody holds this; what is not an Exchange's is for the loop thread.
class ConnectionExchange final : public HttpExchange {
 public:
  ConnectionExchange(Connection& connection, Loop& loop) : connection_(connection), loop_(loop) {}

  // The number of the exchange, and whether an answer to it, or to the one of that number, is owed.
  std::uint64_t turn() const { return turn_; }
  bool awaits_answer() const { return !closed_ && owes_answer_; }
  bool is_current(std::uint64_t turn) const { return awaits_answer() && turn == turn_; }

  void owe_answer() { owes_answer_ = true; }
  // It was answered, whoever waited for its client to go is forgotten, and the next one begins.
  void end();
  void begin_next() { ++turn_; }
  // Whoever waits for that is told that the client has gone.
  void tell_closed();
  // Nothing is answered any more.
  void close() { closed_ = true; }

  void send(std::uint64_t turn, Response&& response) override;
  void send_view(std::uint64_t turn, const ResponseView& response) override;
  void start(std::uint64_t turn, int status, Fields&& headers) override;
  std::size_t write(std::uint64_t turn, std::string_view bytes) override;
  void flush_now(std::uint64_t turn) override;
  void finish(std::uint64_t turn) override;
  void abort(std::uint64_t turn) override;
  void on_drained(std::uint64_t turn, Task task) override;
  void on_closed(std::uint64_t turn, Task task) override;
  void set_paused(std::uint64_t turn, bool paused) override;
  void vouch(std::uint64_t turn) override;

 private:
  std::shared_ptr<ConnectionExchange> hold();
  // Runs `act` on the loop thread, now or soon, if `turn` is then still the one under way.
  template <typename Act>
  void on_loop(std::uint64_t turn, Act act);

  Connection& connection_;
  Loop& loop_;
  std::uint64_t turn_ = 1;
  bool owes_answer_ = false;
  bool closed_ = false;
  Task on_closed_;
};

}  // namespace slipway::net
