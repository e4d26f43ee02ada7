#include "net/http_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <future>
#include <mutex>

#include "net/blocking_client.h"
#include "net/test_server.h"

namespace slipway::net {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// What a call's callback was given.
struct Outcome {
  int status = 0;
  std::string body;
  std::string header;
  std::string error;
  std::string kind;
};

Outcome outcome_of(Result<ClientResponse> result) {
  if (!result) {
    return {.error = std::string(name_of(result.error().code)), .kind = result.error().kind};
  }
  return {.status = result->status(),
          .body = std::string(result->body()),
          .header = std::string(result->headers().get("x-test"))};
}

// A client on its own loop.
class Caller {
 public:
  explicit Caller(const Address& address, HttpClientLimits limits = {}) {
    thread_.run_and_wait(
        [&] { client_ = std::make_unique<HttpClient>(thread_.loop(), address, limits); });
  }
  ~Caller() {
    thread_.run_and_wait([&] { client_.reset(); });
  }

  // `before` runs on the loop, which hears of nothing between it and the sending.
  std::future<Outcome> send(ClientRequest request, const std::function<void()>& before = {}) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    thread_.run_and_wait([&] {
      if (before) before();
      last = client_->send(std::move(request), [promise](Result<ClientResponse> result) {
        promise->set_value(outcome_of(std::move(result)));
      });
    });
    return future;
  }
  Outcome call(ClientRequest request, const std::function<void()>& before = {}) {
    auto future = send(std::move(request), before);
    if (future.wait_for(10s) != std::future_status::ready) return {.error = "never"};
    return future.get();
  }
  HttpClient& client() { return *client_; }
  void run(Task task) { thread_.run_and_wait(std::move(task)); }

  CallId last = 0;

 private:
  LoopThread thread_;
  std::unique_ptr<HttpClient> client_;
};

// A listener whose every connection is served by `script`, one after the other, on a thread.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<void(int connection, int fd)> script)
      : listener_(*listen_tcp(Address::tcp("127.0.0.1", 0))),
        address_(*local_address(listener_)),
        thread_([this, script = std::move(script)](const std::stop_token& stop) {
          for (int i = 0; !stop.stop_requested();) {
            pollfd poll = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&poll, 1, 10) != 1) continue;
            const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            script(i++, connection.get());
          }
        }) {}
  const Address& address() const { return address_; }

 private:
  Fd listener_;
  Address address_;
  std::jthread thread_;
};

std::string read_head(int fd) {
  std::string seen;
  char c = 0;
  while (!seen.ends_with("\r\n\r\n") && ::recv(fd, &c, 1, 0) == 1) seen += c;
  return seen;
}

void say(int fd, std::string_view bytes) {
  EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

TEST(HttpClient, sends_and_reads_over_one_kept_connection) {
  TestServer server;
  Caller caller(server.address());
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome =
        caller.call({.method = "POST", .target = "/x?y", .body = std::string("hello")});
    EXPECT_EQ(outcome.status, 200) << outcome.error;
    EXPECT_EQ(outcome.body, "POST /x?y|hello");
  }
  EXPECT_EQ(server.counters().connections, 1U);
}

TEST(HttpClient, sends_many_at_once_over_no_more_connections_than_allowed) {
  TestServer server;
  Caller caller(server.address(), {.connections_max = 3});
  std::vector<std::future<Outcome>> futures;
  for (int i = 0; i < 200; ++i) futures.push_back(caller.send({.target = "/" + std::to_string(i)}));
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(futures[static_cast<std::size_t>(i)].get().body, "GET /" + std::to_string(i) + "|");
  EXPECT_LE(server.counters().connections, 3U);
}

TEST(HttpClient, carries_large_bodies_both_ways) {
  TestServer server;
  server.handler.answer = [](Request&& request, Responder&& responder) {
    const auto held = std::make_shared<Request>(std::move(request));
    responder.send({.body = Body::shared(held->body(), held)});
  };
  Caller caller(server.address());
  std::string body(20'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 13);
  const Outcome outcome = caller.call({.method = "PUT", .body = Body::borrowed(body)});
  EXPECT_TRUE(outcome.body == body) << outcome.error;
}

TEST(HttpClient, reads_every_framing_of_an_answer) {
  ScriptedServer server([](int, int fd) {
    const std::string head = read_head(fd);
    if (head.contains("/chunked")) {
      say(fd,
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Test: "
          "t\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    } else if (head.contains("/eof")) {
      say(fd, "HTTP/1.0 200 OK\r\n\r\nup to the end");
    } else if (head.contains("/interim")) {
      say(fd,
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 201 "
          "C\r\nContent-Length: 2\r\n\r\nok");
    } else if (head.starts_with("HEAD")) {
      say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    }
  });
  Caller caller(server.address());
  EXPECT_EQ(caller.call({.target = "/chunked"}).body, "abcde");
  EXPECT_EQ(caller.call({.target = "/eof"}).body, "up to the end");
  EXPECT_EQ(caller.call({.target = "/interim"}).status, 201);
  EXPECT_EQ(caller.call({.method = "HEAD"}).status, 200);
}

TEST(HttpClient, says_not_sent_when_nobody_listens) {
  Address nobody = *local_address(*listen_tcp(Address::tcp("127.0.0.1", 0)));
  Caller caller(nobody);
  const Outcome tcp = caller.call({});
  EXPECT_EQ(tcp.error + "/" + tcp.kind, "unavailable/not_sent");
  Caller unix_caller(Address::unix_socket("/tmp/slipway_net_test_nobody.sock"));
  const Outcome unix = unix_caller.call({});
  EXPECT_EQ(unix.error + "/" + unix.kind, "unavailable/not_sent");
}

// Answers the first request of a connection with its number; of a POST it reads the body too.
void answer_with_number(int connection, int fd) {
  const std::string head = read_head(fd);
  char body = 0;
  if (head.starts_with("POST")) EXPECT_EQ(::recv(fd, &body, 1, 0), 1);
  say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(connection));
}

// What a ScriptedServer's first connection waits for before it is closed, and says when it is.
struct Close {
  std::promise<void> wanted;
  std::promise<void> done;
};

TEST(HttpClient, sends_again_what_a_server_that_closes_idle_connections_never_read) {
  Close close;
  ScriptedServer server([&](int connection, int fd) {
    answer_with_number(connection, fd);
    if (connection > 0) return;
    close.wanted.get_future().wait();
    ::shutdown(fd, SHUT_RDWR);
    close.done.set_value();
  });
  Caller caller(server.address());
  EXPECT_EQ(caller.call({.method = "POST", .body = std::string("a")}).body, "0");
  const auto closed_unheard = [&] {
    close.wanted.set_value();
    close.done.get_future().wait();
  };
  const Outcome again = caller.call({.method = "POST", .body = std::string("b")}, closed_unheard);
  EXPECT_EQ(again.body, "1") << again.error << "/" << again.kind;
}

TEST(HttpClient, sends_no_post_again_that_a_server_may_have_read) {
  for (const bool whole : {false, true}) {
    ScriptedServer server([&](int connection, int fd) {
      answer_with_number(connection, fd);
      if (connection > 0) return;
      char body = 0;
      read_head(fd);
      if (whole) EXPECT_EQ(::recv(fd, &body, 1, 0), 1);
    });
    Caller caller(server.address());
    EXPECT_EQ(caller.call({.method = "POST", .body = std::string("a")}).body, "0");
    const Outcome lost = caller.call({.method = "POST", .body = std::string("b")});
    EXPECT_EQ(lost.error + "/" + lost.kind, "unavailable/lost") << lost.body;
  }
}

TEST(HttpClient, sends_a_get_again_when_a_kept_connection_turns_out_closed) {
  ScriptedServer server([](int connection, int fd) {
    answer_with_number(connection, fd);
    if (connection == 0) read_head(fd);  // takes the second request and closes without a word
  });
  Caller caller(server.address());
  EXPECT_EQ(caller.call({}).body, "0");
  EXPECT_EQ(caller.call({}).body, "1");
}

TEST(HttpClient, does_not_send_again_when_told_so_or_when_bytes_came) {
  ScriptedServer server([](int, int fd) {
    const std::string head = read_head(fd);
    if (head.contains("/partial"))
      return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    read_head(fd);
  });
  Caller caller(server.address());
  EXPECT_EQ(caller.call({.target = "/partial"}).kind, "lost");
  EXPECT_EQ(caller.call({}).status, 200);
  EXPECT_EQ(caller.call({.stale_retry = StaleRetry::never}).kind, "lost");
}

// A request may still be on its way: it is answered plainly, and not kept by a test that is over.
void let_go(TestServer& server, std::vector<Responder>& kept) {
  server.run([&] {
    server.handler.answer = nullptr;
    kept.clear();
  });
}

TEST(HttpClient, ends_a_call_at_its_time_limit_and_goes_on) {
  TestServer server;
  std::vector<Responder> kept;
  server.handler.answer = [&](Request&& request, Responder&& responder) {
    if (request.path() == "/never") return kept.push_back(std::move(responder));
    responder.send({.body = "quick"});
  };
  Caller caller(server.address());
  const Outcome outcome = caller.call({.target = "/never", .time_limit = 50ms});
  EXPECT_EQ(outcome.error + "/" + outcome.kind, "timeout/lost");
  EXPECT_EQ(caller.call({.target = "/quick"}).body, "quick");
  let_go(server, kept);
}

TEST(HttpClient, a_cancelled_call_is_never_heard_of_again) {
  TestServer server;
  std::promise<void> closed;
  std::vector<Responder> kept;
  server.handler.answer = [&](Request&& request, Responder&& responder) {
    if (request.path() != "/never") return responder.send({.body = "ok"});
    responder.on_closed([&] { closed.set_value(); });
    kept.push_back(std::move(responder));
  };
  Caller caller(server.address());
  auto future = caller.send({.target = "/never"});
  const CallId call = caller.last;
  EXPECT_EQ(caller.call({.target = "/ok"}).body, "ok");
  caller.run([&] { caller.client().cancel(call); });
  EXPECT_EQ(closed.get_future().wait_for(5s), std::future_status::ready);
  EXPECT_THROW(future.get(), std::future_error);  // the callback went without a word
  caller.run([&] { EXPECT_EQ(caller.client().in_flight(), 0U); });
  let_go(server, kept);
}

TEST(HttpClient, refuses_answers_past_its_limits_or_without_http) {
  ScriptedServer server([](int, int fd) {
    const std::string head = read_head(fd);
    if (head.contains("/garbage")) say(fd, "SSH-2.0-OpenSSH\r\n");
    if (head.contains("/large")) {
      say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + std::string(3000, 'x'));
    }
    if (head.contains("/heads"))
      say(fd, "HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n");
    read_head(fd);
  });
  Caller caller(server.address(), {.header_bytes_max = 8000, .body_bytes_max = 2000});
  EXPECT_EQ(caller.call({.target = "/garbage"}).error, "corrupted");
  EXPECT_EQ(caller.call({.target = "/large"}).error, "limit_exceeded");
  EXPECT_EQ(caller.call({.target = "/heads"}).error, "limit_exceeded");
}

TEST(HttpClient, fails_what_is_under_way_when_it_goes) {
  TestServer server;
  std::vector<Responder> kept;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    kept.push_back(std::move(responder));
  };
  std::future<Outcome> future;
  {
    Caller caller(server.address());
    future = caller.send({});
  }
  EXPECT_EQ(future.get().error, "unavailable");
  let_go(server, kept);
}

// Notes what it is given; pauses after the head where told.
class NotingReceiver final : public ResponseReceiver {
 public:
  struct Notes {
    std::mutex mutex;
    int status = 0;
    std::size_t bytes = 0;
    std::promise<std::string> end;
  };
  explicit NotingReceiver(Notes& notes, Task after_head = {})
      : notes_(notes), after_head_(std::move(after_head)) {}
  void on_head(ClientResponse&& head) override {
    const std::lock_guard lock(notes_.mutex);
    notes_.status = head.status();
    if (after_head_) after_head_();
  }
  void on_data(std::string_view bytes) override {
    const std::lock_guard lock(notes_.mutex);
    notes_.bytes += bytes.size();
  }
  void on_end(const Headers&) override { notes_.end.set_value("end"); }
  void on_abort(const Error& error) override {
    notes_.end.set_value(std::string(name_of(error.code)));
  }

 private:
  Notes& notes_;
  Task after_head_;
};

TEST(HttpClient, streams_an_answer_and_pauses_it) {
  TestServer server;
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.send({.body = std::string(30'000'000, 's')});
  };
  Caller caller(server.address());
  NotingReceiver::Notes notes;
  CallId call = 0;
  std::promise<void> paused;
  caller.run([&] {
    HttpClient& client = caller.client();
    call = client.send({}, std::make_unique<NotingReceiver>(notes, [&] {
                         client.pause(call);
                         paused.set_value();
                       }));
  });
  paused.get_future().wait();
  std::this_thread::sleep_for(50ms);
  {
    const std::lock_guard lock(notes.mutex);
    EXPECT_EQ(notes.status, 200);
    EXPECT_LT(notes.bytes, 300'000U);
  }
  caller.run([&] { caller.client().resume(call); });
  EXPECT_EQ(notes.end.get_future().get(), "end");
  EXPECT_EQ(notes.bytes, 30'000'000U);
}

TEST(BlockingClient, asks_and_is_answered_over_one_connection) {
  TestServer server;
  BlockingClient client(*Origin::parse("http://" + server.address().text()));
  for (int i = 0; i < 3; ++i) {
    const auto response = client.send({.method = "PUT", .target = "/b", .body = std::string("x")});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "PUT /b|x");
    EXPECT_EQ(response->headers.find("content-type"), "text/plain");
  }
  EXPECT_EQ(server.counters().connections, 1U);
}

TEST(BlockingClient, connects_again_when_the_server_closed_the_kept_connection) {
  TestServer server({.idle_time = 20ms});
  BlockingClient client(*Origin::parse("http://" + server.address().text()));
  EXPECT_TRUE(client.send({}));
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(client.send({}));
}

TEST(BlockingClient, sends_a_file_and_reads_into_a_sink) {
  TestServer server;
  server.handler.answer = [](Request&& request, Responder&& responder) {
    const auto held = std::make_shared<Request>(std::move(request));
    BodyWriter body = responder.start(200, {});
    body.write(held->body());
    body.finish();
  };
  char path[] = "/tmp/slipway_net_test_XXXXXX";
  Fd file(::mkstemp(path));
  ::unlink(path);
  const std::string content(2'000'000, 'c');
  ASSERT_EQ(::write(file.get(), content.data(), content.size()), 2'000'000);
  BlockingClient client(*Origin::parse("http://" + server.address().text()));
  std::string seen;
  const auto response =
      client.send({.method = "PUT", .body = FileRange{std::move(file), 5, 1'999'995}},
                  [&](std::string_view bytes) -> Result<> {
                    seen += bytes;
                    return {};
                  });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(seen == content.substr(5));
  const auto refused =
      client.send({.method = "PUT", .body = std::string("x")},
                  [](std::string_view) -> Result<> { return fail(ErrorCode::conflict, "enough"); });
  EXPECT_EQ(refused.error().message, "enough");
}

TEST(BlockingClient, hears_a_refusal_while_it_still_sends) {
  TestServer server;
  server.handler.plan = [](const RequestHead&) { return Refuse{plain_response(403, "No.")}; };
  BlockingClient client(*Origin::parse("http://" + server.address().text()));
  const auto response = client.send({.method = "PUT", .body = std::string(8'000'000, 'x')});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 403);
}

TEST(BlockingClient, says_why_there_is_no_answer) {
  const Address nobody = *local_address(*listen_tcp(Address::tcp("127.0.0.1", 0)));
  BlockingClient refused(*Origin::parse("http://" + nobody.text()));
  EXPECT_EQ(refused.send({}).error().code, ErrorCode::unavailable);
  TestServer server;
  std::vector<Responder> kept;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    kept.push_back(std::move(responder));
  };
  BlockingClient silent(*Origin::parse("http://" + server.address().text()),
                        {.silence_time = 50ms});
  EXPECT_EQ(silent.send({}).error().code, ErrorCode::timeout);
  let_go(server, kept);
}

// A peer that says `beginning` and then one more byte every 5 ms, until nobody listens any more.
class Trickle {
 public:
  explicit Trickle(std::string beginning)
      : listener_(*listen_tcp(Address::tcp("127.0.0.1", 0))),
        address_(*local_address(listener_)),
        thread_([this, beginning = std::move(beginning)] {
          pollfd poll = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
          if (::poll(&poll, 1, 5'000) != 1) return;
          const Fd peer(::accept(listener_.get(), nullptr, nullptr));
          std::string_view next = beginning;
          for (int i = 0;
               i < 1'000 && ::send(peer.get(), next.data(), next.size(), MSG_NOSIGNAL) > 0; ++i) {
            next = "a";
            std::this_thread::sleep_for(5ms);
          }
        }) {}
  const Address& address() const { return address_; }

 private:
  Fd listener_;
  Address address_;
  std::jthread thread_;
};

TEST(BlockingClient, ends_an_answer_that_comes_byte_by_byte_for_ever) {
  for (const char* beginning :
       {"HTTP/1.1 200 OK\r\nX-Slow: ", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"}) {
    const Trickle peer(beginning);
    BlockingClient client(*Origin::parse("http://" + peer.address().text()),
                          {.silence_time = 3'000ms, .whole_time = 100ms});
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(client.send({}).error().code, ErrorCode::timeout) << beginning;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s) << beginning;
  }
}

TEST(Origin, reads_urls) {
  EXPECT_EQ(Origin::parse("http://127.0.0.1:4566")->authority(), "127.0.0.1:4566");
  EXPECT_EQ(Origin::parse("https://example.org/a?b")->port, 443);
  EXPECT_EQ(Origin::parse("http://[::1]:80/")->authority(), "[::1]");
  EXPECT_EQ(Origin::parse("unix:/run/x")->unix_path, "/run/x");
  for (const char* bad : {"", "ftp://x", "http://", "http://:1", "http://h:x", "http://u@h"}) {
    EXPECT_FALSE(Origin::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace slipway::net
