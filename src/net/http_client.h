// An asynchronous HTTP/1.1 client on a loop: kept-open connections to one address.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

namespace slipway::net {

// Says what a client holds and waits for at most.
struct HttpClientLimits {
  std::size_t connections_max = 512;  // at once; further calls wait for one
  std::size_t waiting_max = 4096;     // calls that wait; more fail with limit_exceeded
  std::size_t idle_max = 64;          // kept-open connections that do nothing
  std::chrono::milliseconds idle_time{30'000};
  std::chrono::milliseconds connect_time{2'000};
  std::size_t header_bytes_max = 64 * 1024;
  std::size_t headers_max = 256;
  std::uint64_t body_bytes_max = 64ULL << 20;  // of a collected answer
};

// Says whom a client trusts, and whose name the server's certificate must bear. No context: no TLS.
struct ClientTls {
  std::shared_ptr<const TlsContext> context = {};
  std::string host_name = {};
};

// Says what becomes of a call whose kept-open connection turned out to be closed. Sent once more is
// what the server cannot have read a byte of, and what does no harm twice (GET, HEAD, OPTIONS,
// TRACE, PUT, DELETE: RFC 9110, 9.2.2) while no byte of an answer came.
enum class StaleRetry : std::uint8_t { once, never };

// A request of HttpClient.
struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  // Host and Content-Length are added where absent.
  Fields headers = {};
  Body body = {};
  // Not empty: the body instead, made anew for each attempt. HttpClient only.
  std::function<FileSequence()> body_files = {};
  std::chrono::milliseconds time_limit{60'000};  // for everything, waiting and connecting included
  StaleRetry stale_retry = StaleRetry::once;
};

// An answer that arrived whole, or the head of one whose body is streamed. Owns the bytes it views;
// may be moved to any thread. Move-only.
class ClientResponse {
 public:
  explicit ClientResponse(std::unique_ptr<Message, MessageReturn> message)
      : message_(std::move(message)) {}
  int status() const;
  const Headers& headers() const;
  std::string_view body() const;
  Headers trailers() const;

 private:
  std::unique_ptr<Message, MessageReturn> message_;
};

// Takes an answer as it comes. Loop thread. on_head, on_data any number of times, then on_end or
// on_abort (which may also come first); destroyed after that.
class ResponseReceiver {
 public:
  virtual ~ResponseReceiver() = default;
  virtual void on_head(ClientResponse&& head) = 0;
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end(const Headers& trailers) = 0;
  virtual void on_abort(const Error& error) = 0;
};

// The memory of answers that were dealt with, for the next ones. Clients may share it, so that many
// that do little hold no more than what is under way. Thread-safe.
class MessagePool;
std::shared_ptr<MessagePool> make_message_pool();

using CallId = std::uint64_t;  // 0: no call

// Loop thread only, destructor included: what is under way then ends with `unavailable`. `loop`
// outlives it. A callback runs exactly once, never inside send(), and may use the client again, but
// not destroy it.
//
// Errors: timeout (time_limit passed), unavailable with kind "not_sent" (nobody listens, or the
// connection was closed and the server cannot have read a byte: safe to send elsewhere),
// unavailable with kind "lost" (closed before the answer was complete), corrupted (no HTTP),
// limit_exceeded.
class HttpClient {
 public:
  using Callback = std::move_only_function<void(Result<ClientResponse>)>;

  // Without `pool`: with one of its own.
  HttpClient(Loop& loop, Address address, HttpClientLimits limits = {}, ClientTls tls = {},
             std::shared_ptr<MessagePool> pool = nullptr);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  CallId send(ClientRequest request, Callback callback);
  CallId send(ClientRequest request, std::unique_ptr<ResponseReceiver> receiver);
  // Forgets the call; its callback is dropped unrun. After its end: does nothing.
  void cancel(CallId call);
  // Stops and restarts the reading of a streamed answer; nothing is told from within resume().
  void pause(CallId call);
  void resume(CallId call);

  const Address& address() const;
  // Calls that are waiting or under way.
  std::size_t in_flight() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::net
