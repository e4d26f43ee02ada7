// The HTTP/1.1 server of one loop: what arrives is handed to a RequestHandler, and whoever holds
// the Responder answers, at once or later, from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/memory_budget.h"
#include "base/result.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

namespace slipway::net {

// Limits bound what a stranger may cost. Past a limit the answer is in brackets; the connection is
// closed after.
struct HttpLimits {
  std::size_t target_bytes_max = 32 * 1024;     // [414]
  std::size_t header_bytes_max = 64 * 1024;     // request line and all fields [431]
  std::size_t headers_max = 128;                // fields, and trailers again [431]
  std::uint64_t body_bytes_max = 64ULL << 20;   // collected bodies; a plan may say less [413]
  std::uint64_t stream_bytes_max = 1ULL << 40;  // streamed bodies [413]
  // On this loop. At the limit a newcomer takes the place of a stranger who is waiting, else of a
  // known client who is; where nobody waits, it is closed at once.
  std::size_t connections_max = 16 * 1024;
  // The same for one address (not for a unix socket's peers).
  std::size_t connections_per_address_max = 14 * 1024;
  std::chrono::milliseconds idle_time{75'000};      // between requests: closed
  std::chrono::milliseconds head_time{10'000};      // from its first byte to the head's end [408]
  std::chrono::milliseconds body_window{20'000};    // in each window at least ...
  std::uint64_t body_window_bytes_min = 64 * 1024;  // ... so much of a body must come [408] ...
  // ... and so much of a collected one while more than half of `memory` is held.
  std::uint64_t crowded_window_bytes_min = 1 << 20;
  // Collected bodies and unread answers may take so much, over all servers that share it. A body
  // for which there is no room is not read on until there is. None: without limit.
  std::shared_ptr<MemoryBudget> memory = nullptr;
  std::chrono::milliseconds room_time{5'000};    // a body waits for room [503]
  std::chrono::milliseconds write_time{60'000};  // without a byte taken by the client: closed
  std::chrono::milliseconds linger_time{2'000};  // reading on after a refusal, to deliver it
  std::uint64_t linger_bytes_max = 16ULL << 20;
  // While the server drains, of a stranger: for the whole head, and until something of a body
  // comes: closed.
  std::chrono::milliseconds drain_strangers_time{1'000};
};

// Whoever answers a request describes it by this to whoever keeps account of requests. Valid during
// the call that it is handed to; what is not known is empty.
struct Described {
  std::string_view id;         // of the request, as the client is told
  std::string_view service;    // "s3"
  std::string_view operation;  // "PutObject"
  std::string_view principal;  // the ARN of who asks, once that was shown
};

// An exchange is what a connection does for one request and its answer. Implemented by the server;
// a test may bring its own. `turn` is the exchange's number on its connection: what comes for an
// earlier one is ignored.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual void send(std::uint64_t turn, Response&& response) = 0;
  virtual void send_view(std::uint64_t turn, const ResponseView& response) = 0;
  virtual void start(std::uint64_t turn, int status, Fields&& headers) = 0;
  virtual std::size_t write(std::uint64_t turn, std::string_view bytes) = 0;
  virtual void flush_now(std::uint64_t turn) { (void)turn; }
  virtual void finish(std::uint64_t turn) = 0;
  virtual void abort(std::uint64_t turn) = 0;
  virtual void on_drained(std::uint64_t turn, Task task) = 0;
  virtual void on_closed(std::uint64_t turn, Task task) = 0;
  virtual void set_paused(std::uint64_t turn, bool paused) = 0;
  virtual void vouch(std::uint64_t turn) { (void)turn; }
  virtual void describe(std::uint64_t turn, const Described& request) {
    (void)turn;
    (void)request;
  }
};

// An answer that is sent in pieces: with its Content-Length where start() was given one, else
// chunked, else (HTTP/1.0) up to the end of the connection. Move-only; from any thread, one at a
// time. Dropped without finish(): as abort().
class BodyWriter {
 public:
  BodyWriter() = default;
  BodyWriter(std::shared_ptr<HttpExchange> exchange, std::uint64_t turn)
      : exchange_(std::move(exchange)), turn_(turn) {}
  BodyWriter(BodyWriter&&) noexcept = default;
  BodyWriter& operator=(BodyWriter&& other) noexcept;
  ~BodyWriter() { abort(); }

  explicit operator bool() const { return exchange_ != nullptr; }
  // Copies `bytes` into the queue and returns how many bytes now wait there: a writer that sees
  // more than it likes stops and goes on when on_drained() told it. Nothing happens once the client
  // is gone.
  std::size_t write(std::string_view bytes);
  // Sends what was written now and not at the end of the loop's batch: where the first bytes of an
  // answer are waited for and many more are at hand.
  void flush();
  // Runs `task` once on the loop thread, when the queue is empty (at once where it is) or the
  // client is gone.
  void on_drained(Task task);
  void finish();
  // Cuts the connection, so that the client sees that the answer is incomplete.
  void abort();

 private:
  std::shared_ptr<HttpExchange> exchange_;
  std::uint64_t turn_ = 0;
};

// The duty to answer one request. Move-only, from any thread, exactly one answer. Dropped without
// one: 500. When the client went away meanwhile, everything silently does nothing. The server's
// loop outlives it.
class Responder {
 public:
  Responder() = default;
  Responder(std::shared_ptr<HttpExchange> exchange, std::uint64_t turn)
      : exchange_(std::move(exchange)), turn_(turn) {}
  // Answers into `sink`: for tests of handlers. Streamed answers arrive whole at their end.
  static Responder to(std::move_only_function<void(Response&&)> sink);

  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder() { drop(); }

  explicit operator bool() const { return exchange_ != nullptr; }
  // Written at once on the loop thread; from elsewhere posted to it.
  void send(Response&& response);
  // The same without owning anything: on the loop thread no allocation; from elsewhere it is
  // copied.
  void send(const ResponseView& response);
  // Says that the client showed who it is: its connection is no stranger's from now on. Loop
  // thread.
  void vouch() {
    if (exchange_) exchange_->vouch(turn_);
  }
  // Says what the request is, as often as more of it is known; whoever keeps account of requests
  // notes it. Before the answer.
  void describe(const Described& request) {
    if (exchange_) exchange_->describe(turn_, request);
  }
  // Sends the head and hands the body over.
  BodyWriter start(int status, Fields headers);
  // Runs `task` once on the loop thread if the client closes before the answer went out, so that
  // work for nobody can be given up. (A client that only half-closed counts too; an answer still
  // reaches it.)
  void on_closed(Task task);

 private:
  void drop();

  std::shared_ptr<HttpExchange> exchange_;
  std::uint64_t turn_ = 0;
};

// Stops and restarts the flow of a streamed body. Copyable; from any thread; after the body's end
// it does nothing. While paused, the client meets TCP's own back-pressure and no time limit runs.
class BodyControl {
 public:
  BodyControl() = default;
  BodyControl(std::shared_ptr<HttpExchange> exchange, std::uint64_t turn)
      : exchange_(std::move(exchange)), turn_(turn) {}
  void pause() { set(true); }
  void resume() { set(false); }

 private:
  void set(bool paused) {
    if (exchange_) exchange_->set_paused(turn_, paused);
  }
  std::shared_ptr<HttpExchange> exchange_;
  std::uint64_t turn_ = 0;
};

// Takes a body as it comes. Every call is on the loop thread and must not throw. on_start, then
// on_data any number of times, then either on_end or on_abort; destroyed after that. Answering
// before the end is fine: then nothing further is called (not even on_abort), the rest of the body
// is thrown away and the connection closed.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;
  // `request` has the head, no body.
  virtual void on_start(Request&& request, Responder&& responder, BodyControl control) = 0;
  // `bytes` are without chunk frames, and valid during the call only. After pause() at most what
  // was already read still comes.
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end(const Headers& trailers) = 0;
  // timeout: too slow; limit_exceeded: too long; invalid_argument: broken chunks. These may still
  // be answered, inside this call; else the server does (408, 413, 400). unavailable: the client
  // went away.
  virtual void on_abort(const Error& error) = 0;
};

// A plan says what becomes of a request's body, decided at its head; this one collects it.
struct Collect {
  std::uint64_t bytes_max = ~0ULL;  // the server's body_bytes_max where smaller; 413 past it
  // For whom HttpLimits::memory counts the body. Nobody: the body is small, and not counted.
  MemoryBudget::Owners owners = {};
  Standing standing = Standing::claimed;
};

// The body goes to a receiver while it comes in.
struct Stream {
  std::unique_ptr<BodyReceiver> receiver;
};

// The request is answered at once, whatever its body would be.
struct Refuse {
  Response response;  // sent at once; closed after, where a body was announced
  // How much of that body is still read, and thrown away, so that the answer gets through; at most
  // HttpLimits::linger_bytes_max.
  std::uint64_t read_on_bytes_max = ~0ULL;
};
using BodyPlan = std::variant<Collect, Stream, Refuse>;

// A handler is what the server is for. On the loop thread only; one for each loop.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // The head is complete. `head` is valid during the call.
  virtual BodyPlan on_head(const RequestHead& head) {
    (void)head;
    return Collect{};
  }
  // The body was collected, or there was none. An exception that leaves here is a bug: it is
  // logged, and answered with 500 by the Responder's end.
  virtual void on_request(Request&& request, Responder&& responder) = 0;
  // The words for what the server refuses by itself after on_head() let the body in: too long, too
  // slow, no room for it.
  virtual Response refusal(const RequestHead& head, int status, std::string_view reason) {
    (void)head;
    return plain_response(status, reason);
  }
};

// Counters say what a server did so far. Loop thread.
struct HttpServerCounters {
  std::uint64_t connections = 0;  // accepted
  std::uint64_t requests = 0;     // heads that were complete
  std::uint64_t refused = 0;      // broken, too large or too slow: answered by the server itself
  std::size_t open = 0;           // connections now
  std::uint64_t displaced = 0;    // closed to make room for newcomers
};

// Listens, reads, answers; strictly one request at a time on each connection, in order.
//
// Loop thread only, destructor included (it cuts what is left). `loop` and `handler` outlive it.
class HttpServer {
 public:
  HttpServer(Loop& loop, RequestHandler& handler, HttpLimits limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Accepts from a listening socket (socket.h: listen_tcp, listen_unix). With `tls`, every
  // connection from it is TLS. May be called several times. When descriptors run out (EMFILE),
  // strangers who wait are closed and accepting pauses for 100 ms.
  void listen(Fd listener, std::shared_ptr<const TlsContext> tls = nullptr);
  // Takes one connection that somebody else accepted.
  void adopt(Fd connection, std::shared_ptr<const TlsContext> tls = nullptr);

  // Closes the listeners and the idle connections, answers what is in flight with
  // `Connection: close`, then runs `done` (on the loop thread); what is left at `deadline` is cut,
  // and strangers who stopped halfway through a request earlier (HttpLimits).
  void drain(std::chrono::milliseconds deadline, Task done);

  const HttpServerCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::net
