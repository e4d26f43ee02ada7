// The tests of net share these: a server on a loop of its own, and a client that sends exact bytes.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket.h"

namespace slipway::net {

// Does what its two functions say; without them collects every body and answers with
// "METHOD target|body".
class TestHandler final : public RequestHandler {
 public:
  BodyPlan on_head(const RequestHead& head) override {
    return plan ? plan(head) : BodyPlan(Collect{});
  }
  void on_request(Request&& request, Responder&& responder) override {
    if (answer) return answer(std::move(request), std::move(responder));
    std::string body = std::string(request.method()) + " " + std::string(request.target()) + "|";
    body += request.body();
    responder.send({.headers = {{"Content-Type", "text/plain"}}, .body = std::move(body)});
  }

  std::function<BodyPlan(const RequestHead&)> plan;
  std::function<void(Request&&, Responder&&)> answer;
};

// A server on any free port with its own loop thread.
class TestServer {
 public:
  explicit TestServer(HttpLimits limits = {}, std::shared_ptr<const TlsContext> tls = nullptr,
                      const char* host = "127.0.0.1") {
    auto socket = listen_tcp(Address::tcp(host, 0));
    address_ = *local_address(*socket);
    thread_.run_and_wait([&] {
      server_ = std::make_unique<HttpServer>(thread_.loop(), handler, limits);
      server_->listen(std::move(*socket), std::move(tls));
    });
  }
  ~TestServer() {
    thread_.run_and_wait([&] { server_.reset(); });
  }

  const Address& address() const { return address_; }
  Loop& loop() { return thread_.loop(); }
  HttpServer& server() { return *server_; }
  void run(Task task) { thread_.run_and_wait(std::move(task)); }
  HttpServerCounters counters() {
    HttpServerCounters seen;
    run([&] { seen = server_->counters(); });
    return seen;
  }

  TestHandler handler;  // set up before the first request

 private:
  LoopThread thread_;
  Address address_;
  std::unique_ptr<HttpServer> server_;
};

// A plain socket. Every wait is bounded.
class RawClient {
 public:
  explicit RawClient(const Address& address) : socket_(*start_connect(address)) {
    wait(POLLOUT, 5000);
  }

  // Connects with a socket that was made before.
  RawClient(const Address& address, Fd socket) : socket_(std::move(socket)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  }

  // How much of `bytes` went before the server closed.
  std::size_t send(std::string_view bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size() && wait(POLLOUT, 5000)) {
      const auto put =
          ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) break;
      if (put > 0) sent += static_cast<std::size_t>(put);
    }
    return sent;
  }

  // Reads until `end` was seen (and gives everything up to there), the server closed, or 5 s
  // passed.
  std::string read_until(std::string_view end) {
    while (true) {
      if (const auto at = seen_.find(end); at != std::string::npos) return take(at + end.size());
      if (!read_more(5000)) return take(seen_.size());
    }
  }
  // One response with its Content-Length body.
  std::string read_response() {
    std::string head = read_until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    const std::size_t length = std::stoul(head.substr(at + 16));
    while (seen_.size() < length && read_more(5000)) {
    }
    return head + take(std::min(length, seen_.size()));
  }
  // Everything up to the end of the connection.
  std::string read_all() {
    while (read_more(5000)) {
    }
    return take(seen_.size());
  }
  bool nothing_within(int milliseconds) { return seen_.empty() && !wait(POLLIN, milliseconds); }
  void half_close() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  bool closed_by_server() const { return ended_; }
  int fd() const { return socket_.get(); }

 private:
  bool wait(short events, int milliseconds) {
    pollfd poll = {.fd = socket_.get(), .events = events, .revents = 0};
    return ::poll(&poll, 1, milliseconds) > 0;
  }
  bool read_more(int milliseconds) {
    char bytes[65536];
    if (!wait(POLLIN, milliseconds)) return false;
    const auto got = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
    ended_ = got == 0 || (got < 0 && errno != EAGAIN);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    seen_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t size) {
    std::string taken = seen_.substr(0, size);
    seen_.erase(0, size);
    return taken;
  }

  Fd socket_;
  std::string seen_;
  bool ended_ = false;
};

// Returns what the server says to exactly these bytes, up to the end of the connection.
inline std::string answer_to(TestServer& server, std::string_view bytes) {
  RawClient client(server.address());
  client.send(bytes);
  client.half_close();
  return client.read_all();
}

// Limits that a test can wait for.
inline HttpLimits quick_limits() {
  return {.idle_time = std::chrono::milliseconds(60),
          .head_time = std::chrono::milliseconds(60),
          .body_window = std::chrono::milliseconds(60),
          .write_time = std::chrono::milliseconds(100),
          .linger_time = std::chrono::milliseconds(60)};
}

}  // namespace slipway::net
