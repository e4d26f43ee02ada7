// What strangers may cost: memory, connections, time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

#include "base/memory_budget.h"
#include "net/test_server.h"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view ask = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

std::string put_head(std::size_t bytes, std::string_view target = "/") {
  return "PUT " + std::string(target) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

// Counts every body for the owner that its target names.
BodyPlan by_target(const RequestHead& head) {
  return Collect{.owners = {std::string(head.path)}, .standing = Standing::proven};
}

HttpLimits limits_with(const std::shared_ptr<MemoryBudget>& memory) {
  HttpLimits limits;
  limits.memory = memory;
  limits.room_time = 200ms;
  return limits;
}

// Looks until `seen` holds, for at most 5 s.
template <typename Seen>
void await(Seen seen) {
  for (int i = 0; i < 1000 && !seen(); ++i) std::this_thread::sleep_for(5ms);
}

TEST(HttpLimits, a_body_holds_what_came_of_it_and_not_what_was_announced) {
  const auto memory = std::make_shared<MemoryBudget>(64 << 20);
  TestServer server(limits_with(memory));
  server.handler.plan = by_target;
  RawClient client(server.address());
  client.send(put_head(16'000'000) + std::string(1000, 'x'));
  await([&] { return server.counters().requests == 1; });
  std::this_thread::sleep_for(20ms);
  EXPECT_LE(memory->held(), 512U << 10);
  client.close();
  await([&] { return server.counters().open == 0; });
  EXPECT_EQ(memory->held(), 0U);
}

TEST(HttpLimits, a_body_without_room_waits_for_it_and_then_is_taken_whole) {
  const auto memory = std::make_shared<MemoryBudget>(8 << 20);
  HttpLimits limits = limits_with(memory);
  limits.room_time = 5s;
  TestServer server(limits);
  server.handler.plan = by_target;
  auto other = memory->open("/other", Standing::proven);
  ASSERT_TRUE(other.grow_to(4 << 20));
  auto more = memory->open("/more", Standing::proven);
  ASSERT_TRUE(more.grow_to((4 << 20) - (512 << 10)));
  RawClient client(server.address());
  std::jthread sender([&] { client.send(put_head(2'000'000) + std::string(2'000'000, 'x')); });
  EXPECT_TRUE(client.nothing_within(50));
  other.release();
  EXPECT_THAT(client.read_response(), HasSubstr(std::string(1'000, 'x')));
}

TEST(HttpLimits, a_body_that_finds_no_room_in_time_is_a_503_and_the_next_request_is_served) {
  const auto memory = std::make_shared<MemoryBudget>(1 << 20);
  TestServer server(limits_with(memory));
  server.handler.plan = by_target;
  RawClient client(server.address());
  std::jthread sender([&] { client.send(put_head(900'000) + std::string(900'000, 'x')); });
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 503"));
  sender.join();
  RawClient next(server.address());
  next.send(put_head(5) + "hello");
  EXPECT_THAT(next.read_response(), HasSubstr("|hello"));
}

TEST(HttpLimits, an_answer_that_many_do_not_read_is_cut_where_memory_is_short) {
  const auto memory = std::make_shared<MemoryBudget>(64 << 20);
  TestServer server(limits_with(memory));
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.send({.body = std::string(6'000'000, 'x')});
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.address()));
    clients.back()->send(ask);
  }
  await([&] { return server.counters().requests == 20 && server.counters().open <= 8; });
  EXPECT_LE(server.counters().open, 8U);
  EXPECT_GE(server.counters().open, 1U);
  EXPECT_LE(memory->held(), 64U << 20);
}

TEST(HttpLimits, a_refused_body_is_read_on_only_as_far_as_the_handler_says) {
  HttpLimits limits;
  limits.linger_time = 60s;
  TestServer server(limits);
  server.handler.plan = [](const RequestHead&) {
    return Refuse{plain_response(403, "no"), 64 * 1024};
  };
  RawClient client(server.address());
  std::jthread sender([&] { client.send(put_head(9'000'000) + std::string(9'000'000, 'x')); });
  await([&] { return server.counters().requests == 1 && server.counters().open == 0; });
  EXPECT_EQ(server.counters().open, 0U);
}

TEST(HttpLimits, at_the_limit_a_newcomer_takes_the_place_of_a_stranger_who_waits) {
  TestServer server({.connections_max = 2});
  server.handler.answer = [](Request&&, Responder&& responder) {
    responder.vouch();
    responder.send({.body = "known"});
  };
  RawClient known(server.address());
  known.send(ask);
  EXPECT_THAT(known.read_response(), StartsWith("HTTP/1.1 200"));
  RawClient stranger(server.address());
  RawClient newcomer(server.address());
  newcomer.send(ask);
  EXPECT_THAT(newcomer.read_response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(stranger.read_all(), "");
  EXPECT_TRUE(stranger.closed_by_server());
  known.send(ask);
  EXPECT_THAT(known.read_response(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server.counters().displaced, 1U);
}

TEST(HttpLimits, where_nobody_waits_a_newcomer_is_closed) {
  TestServer server({.connections_max = 1});
  Responder kept;
  server.handler.answer = [&](Request&&, Responder&& responder) { kept = std::move(responder); };
  RawClient busy(server.address());
  busy.send(ask);
  await([&] { return server.counters().requests == 1; });
  RawClient newcomer(server.address());
  EXPECT_EQ(newcomer.read_all(), "");
  EXPECT_TRUE(newcomer.closed_by_server());
  server.run([&] { kept.send({.body = "late"}); });
  EXPECT_THAT(busy.read_response(), HasSubstr("late"));
}

TEST(HttpLimits, one_address_has_its_share_of_the_connections) {
  TestServer server({.connections_max = 100, .connections_per_address_max = 3});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<RawClient>(server.address()));
  await([&] { return server.counters().connections == 10; });
  EXPECT_EQ(server.counters().open, 3U);
  EXPECT_EQ(server.counters().displaced, 7U);
}

}  // namespace
}  // namespace slipway::net
