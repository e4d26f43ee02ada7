#include "net/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "net/test_server.h"

namespace slipway::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

void expect_refused(std::string_view bytes, std::string_view status) {
  TestServer server;
  RawClient client(server.address());
  client.send(bytes);
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::string(status))) << bytes.substr(0, 200);
  EXPECT_THAT(answer, HasSubstr("Connection: close")) << bytes.substr(0, 200);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_THAT(answer_to(server, "GET /after HTTP/1.1\r\nHost: x\r\n\r\n"),
              HasSubstr("GET /after|"));
}

TEST(HttpServer, answers_a_request_and_keeps_the_connection_for_the_next) {
  TestServer server;
  RawClient client(server.address());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    const std::string answer = client.read_response();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nDate: "));
    EXPECT_THAT(answer, EndsWith("POST /a|hello"));
  }
  EXPECT_EQ(server.counters().connections, 1U);
  EXPECT_EQ(server.counters().requests, 3U);
}

TEST(HttpServer, keeps_path_and_query_exactly_as_sent) {
  TestServer server;
  server.handler.answer = [](Request&& request, Responder&& responder) {
    responder.send({.body = std::string(request.path()) + " ? " + std::string(request.query())});
  };
  EXPECT_THAT(
      answer_to(server, "GET /a%2Fb//c/../%e2%82%ac?x=%20+&y=?z HTTP/1.1\r\nHost: x\r\n\r\n"),
      EndsWith("/a%2Fb//c/../%e2%82%ac ? x=%20+&y=?z"));
  EXPECT_THAT(answer_to(server, "GET http://h:1/p?q HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("/p ? q"));
}

TEST(HttpServer, answers_pipelined_requests_in_order_and_one_at_a_time) {
  TestServer server;
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> threads;
  server.handler.answer = [&](Request&& request, Responder&& responder) {
    most = std::max(most.load(), ++under_way);
    threads.emplace_back(
        [&, request = std::move(request), responder = std::move(responder)]() mutable {
          std::this_thread::sleep_for(5ms);
          --under_way;
          responder.send({.body = std::string(request.target())});
        });
  };
  RawClient client(server.address());
  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
      "\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\nGET /4 HT");
  EXPECT_THAT(client.read_response(), EndsWith("/1"));
  EXPECT_THAT(client.read_response(), EndsWith("/2"));
  EXPECT_THAT(client.read_response(), EndsWith("/3"));
  client.send("TP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), EndsWith("/4"));
  EXPECT_EQ(most, 1);
}

TEST(HttpServer, answers_a_thousand_pipelined_requests) {
  TestServer server;
  RawClient client(server.address());
  std::string all;
  for (int i = 0; i < 1000; ++i)
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 1000; ++i) {
    ASSERT_THAT(client.read_response(), EndsWith("GET /" + std::to_string(i) + "|"));
  }
  sender.join();
}

TEST(HttpServer, understands_a_request_that_arrives_byte_by_byte) {
  TestServer server;
  RawClient client(server.address());
  const std::string_view bytes =
      "POST /slow?q HTTP/1.1\r\nHost: x\r\nX-Long-Name: value \r\nTransfer-Encoding: "
      "chunked\r\n\r\n"
      "5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n";
  server.handler.answer = [](Request&& request, Responder&& responder) {
    responder.send({.body = std::string(request.body()) + "/" +
                            std::string(request.trailers().get("x-sum")) + "/" +
                            std::string(request.headers().get("x-long-name"))});
  };
  for (const char c : bytes) {
    client.send({&c, 1});
    if (c == '\n') std::this_thread::sleep_for(1ms);
  }
  EXPECT_THAT(client.read_response(), EndsWith("hello!/7/value"));
}

TEST(HttpServer, a_request_outlives_its_connection_and_the_server) {
  std::optional<Request> kept;
  {
    TestServer server;
    server.handler.answer = [&](Request&& request, Responder&& responder) {
      kept.emplace(std::move(request));
      responder.send({});
    };
    answer_to(server, "PUT /kept HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  }
  EXPECT_EQ(kept->target(), "/kept");
  EXPECT_EQ(kept->headers().get("HOST"), "h");
  EXPECT_EQ(kept->body(), "body");
  EXPECT_THAT(std::string(kept->peer()), StartsWith("127.0.0.1:"));
}

TEST(HttpServer, collects_a_large_body_in_either_framing) {
  TestServer server;
  server.handler.answer = [](Request&& request, Responder&& responder) {
    std::uint64_t sum = 0;
    for (const char c : request.body()) sum = sum * 31 + static_cast<unsigned char>(c);
    responder.send({.body = std::to_string(request.body().size()) + ":" + std::to_string(sum) +
                            ":" + std::string(request.headers().get("x-mark"))});
  };
  std::string body(5'000'000, 'a');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  RawClient whole(server.address());
  whole.send("PUT / HTTP/1.1\r\nHost: x\r\nX-Mark: m\r\nContent-Length: 5000000\r\n\r\n" + body);
  const std::string first = whole.read_response();
  EXPECT_THAT(first, HasSubstr("\r\n\r\n5000000:"));
  EXPECT_THAT(first, EndsWith(":m"));
  std::string chunked =
      "PUT / HTTP/1.1\r\nHost: x\r\nX-Mark: m\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0, size = 1; at < body.size(); at += size, size = size * 2 % 70'001) {
    const std::string_view piece = std::string_view(body).substr(at, size);
    chunked += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  }
  RawClient pieces(server.address());
  pieces.send(chunked + "0\r\n\r\n");
  const std::string second = pieces.read_response();
  EXPECT_EQ(first.substr(first.find("\r\n\r\n")), second.substr(second.find("\r\n\r\n")));
}

TEST(HttpServer, answers_an_expectation_at_once) {
  TestServer server;
  RawClient client(server.address());
  client.send("PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.read_response(), EndsWith("PUT /x|abc"));
}

TEST(HttpServer, does_not_invite_a_body_that_it_refuses) {
  TestServer server;
  server.handler.plan = [](const RequestHead&) { return Refuse{plain_response(403, "No.")}; };
  RawClient client(server.address());
  client.send("PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

TEST(HttpServer, a_refusal_without_a_body_keeps_the_connection) {
  TestServer server;
  server.handler.plan = [](const RequestHead& head) {
    return head.path == "/no" ? BodyPlan(Refuse{plain_response(403, "No.")}) : BodyPlan(Collect{});
  };
  RawClient client(server.address());
  client.send("GET /no HTTP/1.1\r\nHost: x\r\n\r\nGET /yes HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(client.read_response(), EndsWith("GET /yes|"));
}

TEST(HttpServer, delivers_a_refusal_to_a_client_that_sends_everything_first) {
  TestServer server;
  server.handler.plan = [](const RequestHead&) { return Refuse{plain_response(403, "No.")}; };
  RawClient client(server.address());
  const std::string body(4'000'000, 'x');
  client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n");
  EXPECT_EQ(client.send(body), body.size());
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 403"));
}

TEST(HttpServer, speaks_http_1_0) {
  TestServer server;
  EXPECT_THAT(answer_to(server, "GET /old HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close"));
  RawClient client(server.address());
  client.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr("Connection: keep-alive"));
  client.send("GET /again HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET /again|"));
  EXPECT_THAT(answer_to(server, "GET /old HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
              StartsWith("HTTP/1.1 400"));
}

TEST(HttpServer, answers_head_with_the_length_and_no_body) {
  TestServer server;
  RawClient client(server.address());
  client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 8\r\n"));
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.send({.headers = {{"Content-Length", "123456789012"}}});
  };
  client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 123456789012\r\n"));
  EXPECT_TRUE(client.nothing_within(20));
}

TEST(HttpServer, leaves_out_the_body_where_the_status_has_none) {
  TestServer server;
  server.handler.answer = [](Request&& request, Responder&& responder) {
    responder.send({.status = std::stoi(std::string(request.path().substr(1)))});
  };
  RawClient client(server.address());
  client.send("DELETE /204 HTTP/1.1\r\nHost: x\r\n\r\nGET /304 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(client.read_until("\r\n\r\n"), Not(HasSubstr("Content-Length")));
}

TEST(HttpServer, a_header_value_cannot_smuggle_a_second_header) {
  TestServer server;
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.send({.headers = {{"X-A", "1\r\nX-Evil: 2"}}});
  };
  EXPECT_THAT(answer_to(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              HasSubstr("X-A: 1  X-Evil: 2\r\n"));
}

TEST(HttpServer, refuses_smuggling_and_broken_requests_with_400) {
  const auto request = [](std::string_view fields, std::string_view body = "") {
    return fmt::format("POST / HTTP/1.1\r\nHost: x\r\n{}\r\n{}", fields, body);
  };
  expect_refused(request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                 "400");
  expect_refused(request("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
                 "400");
  expect_refused(request("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), "400");
  expect_refused(request("Content-Length: 5, 6\r\n", "hello!"), "400");
  expect_refused(request("Content-Length: +5\r\n", "hello"), "400");
  expect_refused(request("Content-Length: -5\r\n", "hello"), "400");
  expect_refused(request("Content-Length: 0x5\r\n", "hello"), "400");
  expect_refused(request("Content-Length: 99999999999999999999999\r\n", "hello"), "400");
  expect_refused(request("Content-Length : 5\r\n", "hello"), "400");
  expect_refused(request("X-Folded: a\r\n b\r\n"), "400");
  expect_refused(request("X-Folded: a\r\n\tb\r\n"), "400");
  expect_refused(request(" X-Early: a\r\n"), "400");
  expect_refused(request("X-Lf: a\nX-B: b\r\n"), "400");
  expect_refused(request("X-Cr: a\rb\r\n"), "400");
  expect_refused(request("No colon\r\n"), "400");
  expect_refused(request(": no name\r\n"), "400");
  expect_refused(request("X-Nul: a\0b\r\n"sv), "400");
  expect_refused(request("X-N\0l: a\r\n"sv), "400");
  expect_refused("GET / HTTP/1.1\nHost: x\n\n", "400");
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\n\n", "400");
  expect_refused("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"sv, "400");
  expect_refused("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "400");
  expect_refused("G@T / HTTP/1.1\r\nHost: x\r\n\r\n", "400");
  expect_refused("GET / HTTP/1.1\r\n\r\n", "400");                        // no Host
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400");  // two of them
  expect_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400");
}

TEST(HttpServer, refuses_broken_chunks_with_400) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_refused(head + "xyz\r\n", "400");
  expect_refused(head + "-1\r\n", "400");
  expect_refused(head + "0x5\r\nhello\r\n0\r\n\r\n", "400");
  expect_refused(head + " 5\r\nhello\r\n0\r\n\r\n", "400");
  expect_refused(head + "5 \r\nhello\r\n0\r\n\r\n", "400");
  expect_refused(head + "5\nhello\r\n0\r\n\r\n", "400");
  expect_refused(head + "5\r\nhello0\r\n\r\n", "400");
  expect_refused(head + "5\r\nhello\n0\r\n\r\n", "400");
  expect_refused(head + "fffffffffffffffff\r\nhello\r\n", "400");
  expect_refused(head + "\r\n", "400");
}

TEST(HttpServer, refuses_what_it_does_not_speak) {
  expect_refused("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505");
  expect_refused("GET / HTTP/1.7\r\nHost: x\r\n\r\n", "505");
  expect_refused("CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n", "501");
  expect_refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501");
  expect_refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
                 "400");
  expect_refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "400");
  expect_refused("POST / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\n",
                 "417");
}

TEST(HttpServer, refuses_what_is_past_its_limits) {
  expect_refused("GET /" + std::string(33'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", "414");
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(66'000, 'a') + "\r\n\r\n", "431");
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 128; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  expect_refused(many + "\r\n", "431");
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" + std::string(66'000, 'X'), "431");
  expect_refused(std::string(66'000, '\n') + "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "431");
  expect_refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 67108865\r\n\r\n", "413");
  const std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_refused(chunked + "5;" + std::string(17'000, 'a') + "\r\nhello\r\n0\r\n\r\n", "413");
  std::string trailers = chunked + "0\r\n";
  for (int i = 0; i < 129; ++i) trailers += "X-" + std::to_string(i) + ": 1\r\n";
  expect_refused(trailers + "\r\n", "431");
  expect_refused(chunked + "0\r\nX: " + std::string(66'000, 'a') + "\r\n\r\n", "431");
}

TEST(HttpServer, refuses_a_body_past_the_plans_limit) {
  TestServer server;
  server.handler.plan = [](const RequestHead&) { return Collect{10}; };
  EXPECT_THAT(
      answer_to(server, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world"),
      StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(answer_to(server,
                        "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(
      answer_to(server, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhelloworld"),
      EndsWith("|helloworld"));
}

TEST(HttpServer, closes_on_a_tls_hello_to_a_plain_port) {
  TestServer server;
  EXPECT_EQ(answer_to(server, "\x16\x03\x01\x02\x01\x01"), "");
}

TEST(HttpServer, answers_408_to_a_head_that_does_not_come_to_its_end) {
  TestServer server(quick_limits());
  RawClient client(server.address());
  const auto begin = std::chrono::steady_clock::now();
  for (const char c :
       std::string_view("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaa")) {
    if (client.send({&c, 1}) == 0 || !client.nothing_within(4)) break;
  }
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(HttpServer, answers_408_to_a_body_that_trickles) {
  TestServer server(quick_limits());
  RawClient client(server.address());
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 300 && client.nothing_within(4); ++i) client.send("x");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408"));
}

TEST(HttpServer, closes_idle_connections_without_a_word) {
  TestServer server(quick_limits());
  RawClient fresh(server.address());
  RawClient used(server.address());
  used.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(used.read_response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(fresh.read_all(), "");
  EXPECT_EQ(used.read_all(), "");
  EXPECT_TRUE(fresh.closed_by_server());
  EXPECT_EQ(server.counters().open, 0U);
}

TEST(HttpServer, does_not_time_out_a_request_that_is_being_worked_on) {
  TestServer server(quick_limits());
  std::jthread worker;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    worker = std::jthread([responder = std::move(responder)]() mutable {
      std::this_thread::sleep_for(300ms);
      responder.send({.body = "late"});
    });
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), EndsWith("late"));
}

TEST(HttpServer, closes_on_a_client_that_does_not_read) {
  TestServer server(quick_limits());
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.send({.body = std::string(50'000'000, 'x')});
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int i = 0; i < 500 && server.counters().requests == 0; ++i)
    std::this_thread::sleep_for(10ms);
  for (int i = 0; i < 500 && server.counters().open > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server.counters().open, 0U);
}

TEST(HttpServer, survives_running_out_of_descriptors) {
  TestServer server;
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  Fd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto lowered = before;
  lowered.rlim_cur = static_cast<rlim_t>(late.get()) + 1;
  setrlimit(RLIMIT_NOFILE, &lowered);
  RawClient connection(server.address(), std::move(late));
  connection.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  timespec cpu_before = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before);
  std::this_thread::sleep_for(150ms);
  timespec cpu_after = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(connection.read_response(), EndsWith("GET /late|"));
  const double used = static_cast<double>(cpu_after.tv_sec - cpu_before.tv_sec) +
                      1e-9 * static_cast<double>(cpu_after.tv_nsec - cpu_before.tv_nsec);
  EXPECT_LT(used, 0.1) << "accepting spins";
}

TEST(HttpServer, answers_500_when_nobody_answers_or_the_handler_throws) {
  TestServer server;
  server.handler.answer = [](Request&& request, Responder&& responder) {
    if (request.path() == "/throw") throw std::runtime_error("a bug");
    const Responder dropped = std::move(responder);
  };
  RawClient client(server.address());
  client.send("GET /drop HTTP/1.1\r\nHost: x\r\n\r\nGET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 500"));
}

TEST(HttpServer, tells_when_the_client_went_away_and_ignores_the_late_answer) {
  TestServer server;
  std::promise<void> gone;
  std::promise<Responder> kept;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    responder.on_closed([&] { gone.set_value(); });
    kept.set_value(std::move(responder));
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder responder = kept.get_future().get();
  client.close();
  EXPECT_EQ(gone.get_future().wait_for(5s), std::future_status::ready);
  responder.send({.body = "nobody"});
}

TEST(HttpServer, answers_a_client_that_closed_its_own_side) {
  TestServer server;
  std::promise<Responder> kept;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    kept.set_value(std::move(responder));
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.half_close();
  Responder responder = kept.get_future().get();
  std::this_thread::sleep_for(20ms);
  responder.send({.body = "still"});
  EXPECT_THAT(client.read_all(), EndsWith("still"));
}

bool accepts_connections(const Address& address) {
  const auto socket = start_connect(address);
  if (!socket) return false;
  pollfd poll = {.fd = socket->get(), .events = POLLOUT, .revents = 0};
  return ::poll(&poll, 1, 1000) == 1 && connect_error(*socket, address).has_value();
}

TEST(HttpServer, drains_by_finishing_what_is_in_flight) {
  TestServer server;
  std::promise<Responder> kept;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    kept.set_value(std::move(responder));
  };
  RawClient idle(server.address());
  RawClient busy(server.address());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder responder = kept.get_future().get();
  std::promise<void> drained;
  server.run([&] { server.server().drain(5s, [&] { drained.set_value(); }); });
  EXPECT_EQ(idle.read_all(), "");
  auto done = drained.get_future();
  EXPECT_EQ(done.wait_for(30ms), std::future_status::timeout);
  EXPECT_FALSE(accepts_connections(server.address()));
  responder.send({.body = "done"});
  const std::string answer = busy.read_all();
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, EndsWith("done"));
  EXPECT_EQ(done.wait_for(5s), std::future_status::ready);
}

// Each stops in the middle of a request, and shows nobody who he is.
TEST(HttpServer, drains_without_waiting_for_strangers_who_stopped_halfway) {
  TestServer server({.drain_strangers_time = 50ms});
  std::vector<std::unique_ptr<RawClient>> strangers;
  for (const std::string_view half :
       {"GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ",
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhal"}) {
    strangers.push_back(std::make_unique<RawClient>(server.address()));
    strangers.back()->send(std::string(half));
  }
  for (auto seen = server.counters(); seen.open < 3 || seen.requests < 1; seen = server.counters())
    std::this_thread::sleep_for(5ms);
  std::promise<void> drained;
  server.run([&] { server.server().drain(60s, [&] { drained.set_value(); }); });
  EXPECT_EQ(drained.get_future().wait_for(5s), std::future_status::ready);
  for (const auto& each : strangers) EXPECT_EQ(each->read_all(), "");
}

// His connection is known from an earlier request, so that what he sends now is waited for.
TEST(HttpServer, drains_by_waiting_for_the_head_of_who_is_known) {
  TestServer server({.drain_strangers_time = 50ms});
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.vouch();
    responder.send({.body = "known"});
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_THAT(client.read_response(), EndsWith("known"));
  client.send("GET / HTTP/1.1\r\n");
  std::this_thread::sleep_for(100ms);
  server.run([&] { server.server().drain(60s, [] {}); });
  EXPECT_TRUE(client.nothing_within(1'200));
  client.send("Host: x\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("known"));
}

TEST(HttpServer, cuts_what_is_left_at_the_drains_deadline) {
  TestServer server;
  std::promise<Responder> kept;
  server.handler.answer = [&](Request&&, Responder&& responder) {
    kept.set_value(std::move(responder));
  };
  RawClient client(server.address());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const Responder responder = kept.get_future().get();
  std::promise<void> drained;
  server.run([&] { server.server().drain(50ms, [&] { drained.set_value(); }); });
  EXPECT_EQ(drained.get_future().wait_for(5s), std::future_status::ready);
  EXPECT_EQ(client.read_all(), "");
}

TEST(HttpServer, serves_a_unix_socket) {
  TestServer server;
  const std::string path = "/tmp/slipway_net_test_" + std::to_string(::getpid()) + ".sock";
  server.run([&] { server.server().listen(*listen_unix(path)); });
  EXPECT_FALSE(listen_unix(path).has_value()) << "a live socket is not replaced";
  RawClient client(Address::unix_socket(path));
  client.send("GET /u HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), EndsWith("GET /u|"));
  server.run([&] { server.server().drain(1s, [] {}); });
  EXPECT_TRUE(listen_unix(path).has_value()) << "a stale one is";
  ::unlink(path.c_str());
}

TEST(HttpServer, a_responder_for_tests_collects_the_answer) {
  Response seen;
  Responder whole = Responder::to([&](Response&& response) { seen = std::move(response); });
  whole.send({.status = 201, .body = "x"});
  EXPECT_EQ(seen.status, 201);
  Responder streamed = Responder::to([&](Response&& response) { seen = std::move(response); });
  BodyWriter body = streamed.start(206, {});
  body.write("a");
  body.write("b");
  body.finish();
  EXPECT_EQ(seen.body.view(), "ab");
}

}  // namespace
}  // namespace slipway::net
