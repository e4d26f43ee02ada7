// One connection of the HTTP server. Internal to net.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/connection_exchange.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/message_reader.h"
#include "net/request_body.h"
#include "net/response_writer.h"
#include "net/transport.h"

namespace slipway::net {

class Connection;

// A context is what the connections of one server share. Loop thread.
class ServerContext {
 public:
  ServerContext(Loop& loop, RequestHandler& handler, const HttpLimits& limits);
  virtual ~ServerContext() = default;

  // `connection` has closed itself; it must live until this batch ends.
  virtual void forget(Connection& connection) = 0;
  // `connection` waits for room in limits.memory: look_for_room() is called soon.
  virtual void wait_for_room(Connection& connection) = 0;
  // "Date: ...\r\n" of this second.
  std::string_view date_line();
  // Asks the handler, and hands it a request. What it throws is a bug: it is logged, and the
  // request is answered with 500.
  BodyPlan ask_for_plan(const RequestHead& head);
  void hand_on(Request&& request, Responder&& responder);

  Loop& loop;
  RequestHandler& handler;
  const HttpLimits limits;
  const ParserLimits parser_limits;
  const std::shared_ptr<MessagePool> pool;
  HttpServerCounters counters;
  std::string read_buffer;  // for streamed bodies: each read is handed on before the next
  bool read_buffer_lent = false;
  bool draining = false;

 private:
  std::string date_;
  Instant date_until_;
};

// Reads requests one at a time, has them answered, and decides when it ends: what a request's bytes
// are is for MessageReader, what becomes of its body for RequestBody, how an answer leaves for
// ResponseWriter. Watched edge-triggered for both directions from beginning to end, so that nothing
// but one read and one write is asked of the kernel for a request.
//
// Responders, body writers and controls keep this object alive, by its exchange; once closed it is
// an empty shell to them. All of it is for the loop thread.
class Connection final : public Watcher,
                         public BatchHook,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerContext& server, Fd socket, const TlsContext* tls);

  // `peer`: whom it is with, as peer_text() has it. False: it cannot be watched; nothing happened.
  bool open(std::string peer);
  const std::string& peer() const { return peer_; }
  // Goes on with a body that waited for room, or gives it up after limits.room_time.
  void look_for_room();

  // How readily it makes way for a newcomer, and since when it has been waiting.
  enum class Use : std::uint8_t { busy, strangers_body, idle, strangers_wait };
  Use use() const;
  Instant since() const { return input_ == Input::body ? body_.since() : since_; }

  // Ends what is too slow; called by the server's sweep.
  void check_times(Instant now);
  // No further request: closes now where it is idle, else after the answer.
  void drain();
  void close();

  void on_ready(std::uint32_t events) override;
  void on_batch_end() override { go_on(); }

  // Its exchange asks for these while an answer is owed. An answer that was begun is not begun
  // again.
  void answer(Response&& response);
  void answer(const ResponseView& response);
  void answer_in_pieces(int status, const Fields& headers);
  ResponseWriter& writer() { return writer_; }
  void flush();
  void answered();  // the answer is complete and in the writer's queue
  void set_paused(bool paused);
  void vouch() { known_ = true; }
  bool client_has_gone() const { return hung_up_ && input_ == Input::none; }

  std::size_t index = 0;  // in the server's list

 private:
  // Says what is expected next from the client.
  enum class Input : std::uint8_t {
    head,       // a request's head, or nothing yet
    body,       // the rest of a body
    none,       // a whole request was handed on; the next one waits for its answer
    discarded,  // nothing more is answered: what still comes is thrown away
  };

  bool live() const { return server_ != nullptr; }
  Instant now() const { return loop_.now(); }

  // As advance(); an allocation that fails costs this connection.
  void go_on();

  // Reading: what came is parsed, then more is read, as long as anybody wants it.
  void advance();
  void take_input(std::uint64_t& budget);
  bool wants_input() const;
  bool has_unparsed() const { return input_ != Input::discarded && reader_.has_unparsed(); }
  bool can_go_on() const;
  void go_on_later();
  std::size_t read_some();
  std::size_t read_into_message();
  std::size_t read_and_pass_on();
  bool note_read(const Io& io);
  void peer_ended();

  // Parsing: from the first byte to the request that is handed on.
  void parse();
  void parse_head();
  void on_head();
  void collect(Collect&& plan);
  void stream(std::unique_ptr<BodyReceiver> receiver);
  void invite_body();
  void pass_on(std::string_view bytes);
  void note_body(MessageReader::Stop stop, std::string_view behind);
  void body_done(std::string_view behind);
  void hand_on();
  void refuse(int status, std::string_view reason);
  void refuse_with(Refuse&& refusal);
  Response words_for(int status, std::string_view reason);
  void close_after_shortage() noexcept;

  // Writing
  std::shared_ptr<HttpExchange> exchange() { return {shared_from_this(), &exchange_}; }
  template <typename AnyResponse>
  void send(AnyResponse&& response);
  void next_turn();
  void written_out();
  void end_connection();
  void count_unread();

  ServerContext* server_;  // null once closed
  Loop& loop_;
  Transport transport_;
  MessageReader reader_;
  RequestBody body_;
  ResponseWriter writer_;
  ConnectionExchange exchange_;
  std::string peer_;
  Input input_ = Input::head;
  bool readable_ = false;  // the kernel may have more for us
  bool hung_up_ = false;   // the peer closed its side: read to the end, whatever a read returned
  bool peer_ended_ = false;
  bool advancing_ = false;
  bool going_on_later_ = false;
  bool ending_ = false;     // nothing further is answered; closed when all is written
  bool lingering_ = false;  // all is written; reads on so that the client gets it
  bool known_ = false;      // the client showed once who it is
  Instant since_;           // begin of the current wait: idle, head, linger
  std::uint64_t discarded_bytes_ = 0;
  std::uint64_t discarded_bytes_max_ = 0;
};

}  // namespace slipway::net
