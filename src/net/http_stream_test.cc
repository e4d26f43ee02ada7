// Bodies that do not fit into one piece: files, streamed answers, streamed requests.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "net/http_server.h"
#include "net/test_server.h"

namespace slipway::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

TEST(HttpStream, sends_files_and_borrowed_and_shared_bytes) {
  TestServer server;
  char path[] = "/tmp/slipway_net_test_XXXXXX";
  const Fd file(::mkstemp(path));
  ::unlink(path);
  std::string content(3'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
  ASSERT_EQ(::write(file.get(), content.data(), content.size()), 3'000'000);
  static const std::string fixed(100'000, 'f');
  server.handler.answer = [&](Request&& request, Responder&& responder) {
    Response response;
    if (request.path() == "/file") response.body = FileRange{*file.duplicate(), 1000, 2'500'000};
    if (request.path() == "/fixed") response.body = Body::borrowed(fixed);
    if (request.path() == "/shared") {
      auto owner = std::make_shared<const std::string>(200'000, 's');
      response.body = Body::shared(*owner, owner);
    }
    responder.send(std::move(response));
  };
  RawClient client(server.address());
  client.send(
      "GET /file HTTP/1.1\r\nHost: x\r\n\r\nGET /fixed HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /shared HTTP/1.1\r\nHost: x\r\n\r\nGET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with(content.substr(1000, 2'500'000)));
  EXPECT_TRUE(client.read_response().ends_with(fixed));
  EXPECT_TRUE(client.read_response().ends_with(std::string(200'000, 's')));
  EXPECT_TRUE(client.read_response().ends_with(content.substr(1000, 2'500'000)));
}

TEST(HttpStream, sends_parts_of_several_files_one_after_the_other) {
  char path[] = "/tmp/slipway_net_test_XXXXXX";
  const Fd file(::mkstemp(path));
  ::unlink(path);
  const std::string content(300'000, 'q');
  ASSERT_EQ(::write(file.get(), content.data(), content.size()), 300'000);
  std::atomic<int> opened = 0;
  TestServer server;  // goes before what its loop reads
  server.handler.answer = [&](Request&& request, Responder&& responder) {
    const int failing = request.path() == "/fails" ? 3 : 1000;
    const auto next = [&, failing, n = 0]() mutable -> std::optional<FileRange> {
      ++opened;
      if (++n == failing) return std::nullopt;
      return FileRange{*file.duplicate(), 0, static_cast<std::uint64_t>(n == 2 ? 0 : 100'000 * n)};
    };
    responder.send({.body = FileSequence{400'000, next}});
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\n" + content + std::string(100'000, 'q')));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 400000"));
  EXPECT_EQ(opened, 3);
  client.send("GET /fails HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_LT(client.read_response().size(), 200'000U);
  EXPECT_TRUE(client.closed_by_server());
}

TEST(HttpStream, streams_an_answer_in_chunks_from_another_thread) {
  TestServer server;
  std::jthread writer;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    writer = std::jthread([body = responder.start(200, {{"X-A", "b"}})]() mutable {
      for (const char* piece : {"one", "two", "three"}) body.write(piece);
      body.finish();
    });
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.read_until("0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"));
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("\r\n\r\nonetwothree"));
}

TEST(HttpStream, a_streamed_answer_with_a_length_is_not_chunked_and_cut_when_short) {
  TestServer server;
  server.handler.answer = [&](Request&& request, Responder&& responder) {
    BodyWriter body = responder.start(200, {{"Content-Length", "6"}});
    body.write("abc");
    if (request.path() == "/whole") body.write("def and more");
    body.finish();
  };
  RawClient whole(server.address());
  whole.send("GET /whole HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(whole.read_response(), EndsWith("\r\n\r\nabcdef"));
  RawClient cut(server.address());
  cut.send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(cut.read_all(), Not(EndsWith("def")));
  EXPECT_TRUE(cut.closed_by_server());
}

// Writes `left` bytes, waiting whenever much is queued.
struct PatientWriter : std::enable_shared_from_this<PatientWriter> {
  BodyWriter body;
  std::size_t left = 0;
  std::size_t most_queued = 0;
  void go_on() {
    const std::string piece(64 * 1024, 'p');
    while (left > 0) {
      const std::size_t size = std::min(left, piece.size());
      left -= size;
      const std::size_t queued = body.write(std::string_view(piece).substr(0, size));
      most_queued = std::max(most_queued, queued);
      if (queued > 200'000) return body.on_drained([self = shared_from_this()] { self->go_on(); });
    }
    body.finish();
  }
};

TEST(HttpStream, a_writer_that_waits_for_the_drain_keeps_the_queue_short) {
  TestServer server;
  auto writer = std::make_shared<PatientWriter>();
  server.handler.answer = [&](Request&&, Responder&& responder) {
    writer->left = 30'000'000;
    writer->body = responder.start(200, {{"Content-Length", "30000000"}});
    writer->go_on();
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(20ms);
  const std::string answer = client.read_response();
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 30'000'000U);
  EXPECT_LT(writer->most_queued, 300'000U);
}

// Counts what comes, and answers at the end.
class CountingReceiver final : public BodyReceiver {
 public:
  struct Seen {
    std::mutex mutex;
    std::size_t bytes = 0;
    std::string trailers;
    std::string aborted;
    BodyControl control;
    std::promise<void> started;  // of a body that pauses
  };
  explicit CountingReceiver(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  void on_start(Request&& request, Responder&& responder, BodyControl control) override {
    target_ = request.target();
    responder_ = std::move(responder);
    const std::lock_guard lock(seen_->mutex);
    seen_->control = control;
    if (target_ != "/paused") return;
    control.pause();
    seen_->started.set_value();
  }
  void on_data(std::string_view bytes) override {
    const std::lock_guard lock(seen_->mutex);
    seen_->bytes += bytes.size();
    if (target_ == "/early") responder_.send({.status = 418, .body = "enough"});
  }
  void on_end(const Headers& trailers) override {
    const std::lock_guard lock(seen_->mutex);
    if (trailers.has("x-sum")) seen_->trailers = trailers.get("x-sum");
    responder_.send({.body = target_ + " " + std::to_string(seen_->bytes)});
  }
  void on_abort(const Error& error) override {
    const std::lock_guard lock(seen_->mutex);
    seen_->aborted = name_of(error.code);
  }

 private:
  std::shared_ptr<Seen> seen_;
  Responder responder_;
  std::string target_;
};

struct StreamingServer {
  explicit StreamingServer(HttpLimits limits = {}) : server(limits) {
    server.handler.plan = [seen = seen](const RequestHead&) {
      return Stream{std::make_unique<CountingReceiver>(seen)};
    };
  }
  std::string aborted() {
    const std::lock_guard lock(seen->mutex);
    return std::exchange(seen->aborted, "");
  }
  std::string trailers() {
    const std::lock_guard lock(seen->mutex);
    return seen->trailers;
  }
  std::shared_ptr<CountingReceiver::Seen> seen = std::make_shared<CountingReceiver::Seen>();
  TestServer server;
};

TEST(HttpStream, streams_a_body_and_keeps_the_connection) {
  StreamingServer s;
  RawClient client(s.server.address());
  client.send("PUT /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
              std::string(1'000'000, 'x'));
  EXPECT_THAT(client.read_response(), EndsWith("/1 1000000"));
  client.send(
      "PUT /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
      "X-Sum: 9\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), EndsWith("/2 1000005"));
  EXPECT_EQ(s.trailers(), "9");
  EXPECT_THAT(client.read_response(), EndsWith("/3 1000005"));
}

TEST(HttpStream, invites_a_body_that_is_streamed) {
  StreamingServer s;
  RawClient client(s.server.address());
  client.send("PUT /1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.read_response(), EndsWith("/1 3"));
}

TEST(HttpStream, a_paused_body_waits_in_the_client) {
  StreamingServer s;
  RawClient client(s.server.address());
  std::thread sender([&] {
    client.send("PUT /paused HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n" +
                std::string(20'000'000, 'x'));
  });
  s.seen->started.get_future().wait();
  std::this_thread::sleep_for(100ms);
  {
    const std::lock_guard lock(s.seen->mutex);
    EXPECT_LT(s.seen->bytes, 100'000U);
    s.seen->control.resume();
  }
  sender.join();
  EXPECT_THAT(client.read_response(), EndsWith("/paused 20000000"));
}

TEST(HttpStream, an_answer_before_the_end_of_a_streamed_body_reaches_the_client) {
  StreamingServer s;
  RawClient client(s.server.address());
  client.send("PUT /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
  client.send(std::string(3'000'000, 'x'));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 418"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_EQ(s.aborted(), "");
}

TEST(HttpStream, tells_the_receiver_why_a_body_broke_off) {
  StreamingServer s(quick_limits());
  const std::string put = "PUT /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n";
  EXPECT_EQ(answer_to(s.server, put + "hel"), "");
  EXPECT_EQ(s.aborted(), "unavailable");
  EXPECT_THAT(answer_to(s.server, put + "hello!!"), StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(s.aborted(), "invalid_argument");
  RawClient slow(s.server.address());
  slow.send(put + "h");
  EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(s.aborted(), "timeout");
}

}  // namespace
}  // namespace slipway::net
