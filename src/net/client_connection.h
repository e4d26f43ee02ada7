// One connection of the asynchronous client, and the call it carries. Internal to net.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/http_client.h"
#include "net/loop.h"
#include "net/message_reader.h"
#include "net/out_queue.h"
#include "net/transport.h"

namespace slipway::net {

class ClientConnection;

// A request on its way to an answer.
struct ClientCall {
  CallId id = 0;
  ClientRequest request;
  HttpClient::Callback callback;  // one of these two
  std::unique_ptr<ResponseReceiver> receiver;
  TimerId deadline = 0;
  ClientConnection* connection = nullptr;  // while it is under way
  bool sent = false;                       // the server may have read a byte of it
  bool retried = false;
  bool paused = false;
};

// The owner of a connection is told what became of it and of its call. Loop thread.
class ClientOwner {
 public:
  virtual ~ClientOwner() = default;
  // The answer is complete; `message` is empty where it was streamed. The connection has no call
  // any more, and is either reusable() or closed.
  virtual void answered(ClientConnection& connection, ClientCall& call, MessagePtr message) = 0;
  // The connection is closed; `call` is the one it carried, if any.
  virtual void failed(ClientConnection& connection, ClientCall* call, Error error) = 0;
};

// "GET /x HTTP/1.1\r\n" and the fields, with Host and Content-Length where they are missing.
void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         const Fields& headers, std::string_view host, std::uint64_t body_bytes);

// Whether two requests of that method do what one does (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method);

// The bytes of `body` for one attempt: they stay with the call, for a second one.
Result<Body> body_for_attempt(Body& body);

// Connects, sends one request after the other, reads their answers. Watched edge-triggered.
class ClientConnection final : public Watcher,
                               public BodySink,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(Loop& loop, ClientOwner& owner, const HttpClientLimits& limits,
                   const ParserLimits& parser_limits, std::shared_ptr<MessagePool> pool,
                   const Address& address, const ClientTls& tls);

  // Connecting begins; a failure is told later, never from here.
  void open();
  void start(ClientCall& call);
  // Forgets the call and closes, without telling anybody.
  void drop();
  // Reads and writes on soon; to be called after a pause too.
  void pump_later();

  bool reusable() const { return live() && attempt_.call == nullptr && !hung_up_ && keep_alive_; }
  bool connecting() const { return connecting_; }
  // Kept open from an earlier call, and nothing of an answer to this one came.
  bool stale() const { return used_before_ && !attempt_.got_bytes; }
  void connect_timed_out();

  void on_ready(std::uint32_t events) override;
  Take on_body(std::string_view bytes) override;

  Instant since;  // connecting, or idle

 private:
  // The call under way, and how far it has come here; of the last one, how far it came.
  struct Attempt {
    ClientCall* call = nullptr;
    std::uint64_t written = 0;  // of the request, before TLS
    bool got_bytes = false;     // of an answer
    bool head_done = false;
    bool streams = false;  // the head went to the receiver, the body follows
  };

  bool live() const { return owner_ != nullptr; }
  bool has_call() const { return attempt_.call != nullptr; }
  void write_request();
  void pump();
  bool flush();
  bool read_some();
  std::span<char> read_space();
  void parse();
  bool parse_once();
  void refuse_answer();
  void head_done();
  void message_done();
  void peer_ended();
  void fail(ErrorCode code, std::string message, std::string kind);
  bool was_unread() const;
  void close();

  Loop& loop_;
  ClientOwner* owner_;  // null once closed
  const HttpClientLimits& limits_;
  const Address& address_;
  Error open_error_;  // why there is no socket; before transport_, whose making may set it
  Transport transport_;
  MessageReader reader_;
  OutQueue out_;
  Attempt attempt_;
  bool connecting_ = true;
  bool used_before_ = false;  // an earlier call was answered here
  bool keep_alive_ = true;
  bool readable_ = false;
  bool hung_up_ = false;
  bool reset_ = false;  // writing failed
  bool ended_ = false;  // the server closed in order: every acknowledgement had come
  bool pumping_ = false;
};

}  // namespace slipway::net
