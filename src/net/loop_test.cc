#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "net/http.h"
#include "net/precise_timer.h"
#include "net/timer_wheel.h"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;

struct CountingHook final : BatchHook {
  void on_batch_end() override { ++runs; }
  int runs = 0;
};

struct FunctionWatcher final : Watcher {
  void on_ready(std::uint32_t events) override { act(events); }
  std::function<void(std::uint32_t)> act;
};

TEST(Loop, runs_what_other_threads_post_in_each_threads_order) {
  LoopThread thread;
  std::vector<std::vector<int>> seen(4);
  {
    std::vector<std::jthread> posters;
    for (std::size_t t = 0; t < 4; ++t) {
      posters.emplace_back([&, t] {
        for (int i = 0; i < 10'000; ++i) thread.loop().post([&, t, i] { seen[t].push_back(i); });
      });
    }
  }
  thread.run_and_wait([] {});
  for (const auto& list : seen) {
    ASSERT_EQ(list.size(), 10'000U);
    EXPECT_TRUE(std::ranges::is_sorted(list));
  }
}

TEST(Loop, runs_timers_in_time_and_not_the_cancelled_ones) {
  LoopThread thread;
  std::vector<int> order;
  std::atomic<bool> done = false;
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration took{};
  thread.run_and_wait([&] {
    Loop& loop = thread.loop();
    loop.after(30ms, [&] {
      order.push_back(30);
      took = std::chrono::steady_clock::now() - begin;
      done = true;
    });
    loop.after(10ms, [&] { order.push_back(10); });
    const TimerId cancelled = loop.after(15ms, [&] { order.push_back(15); });
    loop.after(12ms, [&, cancelled] { loop.cancel(cancelled); });
    loop.after(0ms, [&] { order.push_back(0); });
  });
  while (!done) std::this_thread::sleep_for(1ms);
  thread.stop();
  EXPECT_EQ(order, (std::vector{0, 10, 30}));
  EXPECT_GE(took, 30ms);
}

TEST(Loop, runs_a_batch_hook_once_for_all_that_a_batch_did) {
  LoopThread thread;
  CountingHook hook;
  thread.run_and_wait([&] {
    for (int i = 0; i < 5; ++i) {
      thread.loop().post([&] { thread.loop().at_batch_end(hook); });
    }
  });
  thread.run_and_wait([] {});
  thread.run_and_wait([&] { EXPECT_EQ(hook.runs, 1); });
}

TEST(Loop, a_watcher_that_is_unwatched_hears_nothing_more_even_in_the_same_batch) {
  LoopThread thread;
  int first_pipe[2];
  int second_pipe[2];
  ASSERT_EQ(::pipe(first_pipe), 0);
  ASSERT_EQ(::pipe(second_pipe), 0);
  const Fd ends[] = {Fd(first_pipe[0]), Fd(first_pipe[1]), Fd(second_pipe[0]), Fd(second_pipe[1])};
  int heard = 0;
  FunctionWatcher first;
  FunctionWatcher second;
  const auto drop_both = [&](std::uint32_t) {
    ++heard;
    thread.loop().unwatch(ends[0].get(), first);
    thread.loop().unwatch(ends[2].get(), second);
  };
  first.act = second.act = drop_both;
  thread.run_and_wait([&] {
    ASSERT_EQ(::write(ends[1].get(), "x", 1), 1);
    ASSERT_EQ(::write(ends[3].get(), "x", 1), 1);
    thread.loop().watch(ends[0].get(), EPOLLIN, first);
    thread.loop().watch(ends[2].get(), EPOLLIN, second);
  });
  thread.run_and_wait([] {});
  thread.run_and_wait([] {});
  EXPECT_EQ(heard, 1);
}

TEST(Loop, stop_ends_the_run_after_what_was_posted_before) {
  Loop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.stop();
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(TimerWheel, holds_timers_of_any_length) {
  Instant now{};
  TimerWheel wheel(now);
  int runs = 0;
  wheel.add(now + 1h, [&] { ++runs; });
  wheel.add(now + 5ms, [&] { ++runs; });
  now += 4ms;
  wheel.run_due(now);
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(wheel.next_due(now), 1ms);
  now += 1ms;
  wheel.run_due(now);
  EXPECT_EQ(runs, 1);
  while (runs == 1) {
    const auto wait = wheel.next_due(now);
    ASSERT_TRUE(wait);
    ASSERT_LE(*wait, 4097ms);
    ASSERT_GT(*wait, 0ms);
    now += *wait;
    wheel.run_due(now);
  }
  EXPECT_EQ(now, Instant(1h));
  EXPECT_FALSE(wheel.next_due(now));
}

TEST(TimerWheel, a_cancelled_timers_number_does_not_hit_its_successor) {
  Instant now{};
  TimerWheel wheel(now);
  int runs = 0;
  const TimerId first = wheel.add(now + 5ms, [&] { runs += 100; });
  wheel.cancel(first);
  wheel.add(now + 5ms, [&] { ++runs; });
  wheel.cancel(first);
  wheel.run_due(now + 10s);
  EXPECT_EQ(runs, 1);
}

TEST(Address, reads_what_it_writes) {
  for (const char* text : {"127.0.0.1:4566", "[::1]:80", "unix:/run/x.sock"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(Address::parse("localhost:1")->text(), "127.0.0.1:1");
  for (const char* text :
       {"", "x", "127.0.0.1", "127.0.0.1:99999", "host.example:1", ":1", "1.2.3.4:"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

TEST(PreciseTimer, expires_once_for_the_last_deadline_that_was_set) {
  Loop loop;
  int times = 0;
  PreciseTimer timer(loop, [&] {
    ++times;
    if (times == 1)
      timer.set(100us);
    else
      loop.stop();
  });
  const auto begun = std::chrono::steady_clock::now();
  timer.set(1h);
  timer.set(300us);
  loop.run();
  EXPECT_EQ(times, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 400us);
}

TEST(PreciseTimer, of_no_delay_expires_and_one_that_is_gone_does_not) {
  Loop loop;
  auto gone = std::make_unique<PreciseTimer>(loop, [] { FAIL(); });
  PreciseTimer timer(loop, [&] { loop.stop(); });
  gone->set(0us);
  timer.set(0us);
  gone.reset();
  loop.run();
}

TEST(Loop, says_whether_something_is_to_be_reported) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  FunctionWatcher watcher;
  bool before = false;
  bool after = true;
  watcher.act = [&](std::uint32_t) {
    before = loop.has_events();
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    after = loop.has_events();
    loop.stop();
  };
  loop.watch(ends[0], EPOLLIN, watcher);
  EXPECT_FALSE(loop.has_events());
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_TRUE(loop.has_events());
  loop.run();
  EXPECT_TRUE(before);
  EXPECT_FALSE(after);
  loop.unwatch(ends[0], watcher);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Socket, a_taken_port_is_refused_and_joined_only_on_purpose) {
  const auto first = listen_tcp(Address::tcp("127.0.0.1", 0));
  ASSERT_TRUE(first);
  const Address address = *local_address(*first);
  EXPECT_NE(address.port, 0);
  EXPECT_EQ(listen_tcp(address).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(listen_tcp(address, PortSharing::joins));
}

TEST(Fields, keep_order_and_compare_names_without_case) {
  Fields fields{{"A", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(fields.find("B"), "2");
  fields.set("A", "4");
  EXPECT_EQ(fields.text(), "b: 2\r\nA: 4\r\n");
  fields.remove("B").set("c", "x\r\ny: z");
  EXPECT_EQ(fields.text(), "A: 4\r\nc: x  y: z\r\n");
  std::string seen;
  fields.for_each([&](const Header& field) { seen += std::string(field.name) + "|"; });
  EXPECT_EQ(seen, "A|c|");
}

TEST(Request, is_made_by_hand_for_tests) {
  const Request request = Request::make("GET", "/p?q=1", {{"Host", "h"}}, "body");
  EXPECT_EQ(request.path(), "/p");
  EXPECT_EQ(request.query(), "q=1");
  EXPECT_EQ(request.headers().get("host"), "h");
  EXPECT_EQ(request.body(), "body");
}

}  // namespace
}  // namespace slipway::net
