#include "base/worker_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/sanitized.h"
#include "base/strand.h"

namespace slipway {
namespace {

TEST(WorkerPoolTest, what_was_posted_before_the_stop_is_run_and_what_comes_after_is_dropped) {
  std::atomic<int> ran = 0;
  WorkerPool pool(3);
  for (int i = 0; i < 1000; ++i) pool.post([&] { ++ran; });
  pool.stop();
  EXPECT_EQ(ran, 1000);
  pool.post([&] { ++ran; });
  pool.stop();
  EXPECT_EQ(ran, 1000);
}

TEST(WorkerPoolTest, who_posts_much_does_not_hold_up_who_posts_little) {
  WorkerPool pool(1);
  std::promise<void> go;
  pool.post([begin = go.get_future().share()] { begin.wait(); });
  std::vector<char> order;
  for (int i = 0; i < 100; ++i) pool.post([&] { order.push_back('m'); }, TaskOwner{1});
  pool.post([&] { order.push_back('l'); }, TaskOwner{2});
  pool.post([&] { order.push_back('l'); }, TaskOwner{2});
  go.set_value();
  pool.stop();
  ASSERT_EQ(order.size(), 102U);
  EXPECT_EQ(std::string(order.begin(), order.begin() + 4), "mlml");
}

TEST(WorkerPoolTest, threads_begin_with_the_work_and_end_when_there_is_none) {
  WorkerPool pool(2, WorkerPool::Priority::normal, "test", std::chrono::milliseconds(20));
  EXPECT_EQ(pool.threads(), 0U);
  for (int round = 0; round < 3; ++round) {
    std::promise<void> go;
    std::atomic<int> ran = 0;
    const auto begin = go.get_future().share();
    for (int i = 0; i < 10; ++i)
      pool.post([&ran, begin] {
        begin.wait();
        ++ran;
      });
    EXPECT_EQ(pool.threads(), 2U);
    go.set_value();
    while (pool.threads() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(ran, 10);
  }
}

TEST(WorkerPoolTest, a_thread_that_waits_is_used_before_another_begins) {
  WorkerPool pool(4, WorkerPool::Priority::normal, "test", std::chrono::seconds(60));
  for (int i = 0; i < 20; ++i) {
    std::promise<void> ran;
    pool.post([&] { ran.set_value(); });
    ran.get_future().wait();
    // It says that it waits a moment after the task is through.
    while (pool.idle() < pool.threads()) std::this_thread::yield();
  }
  EXPECT_EQ(pool.threads(), 1U);
}

TEST(WorkerPoolTest, tasks_that_come_as_threads_end_are_all_run) {
  std::atomic<int> ran = 0;
  WorkerPool pool(3, WorkerPool::Priority::normal, "test", std::chrono::milliseconds(0));
  for (int i = 0; i < 2000; ++i) pool.post([&] { ++ran; });
  pool.stop();
  EXPECT_EQ(ran, 2000);
}

// While it lives, no thread can begin: there is no room for its stack, and those of threads that
// have ended are too small.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    ::getrlimit(RLIMIT_AS, &before_);
    const rlimit none{.rlim_cur = 1 << 20, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &none);
    set_stack(256UL << 20);
  }
  ~NoMoreThreads() {
    set_stack(8UL << 20);
    ::setrlimit(RLIMIT_AS, &before_);
  }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;

 private:
  static void set_stack(std::size_t bytes) {
    pthread_attr_t attributes;
    ::pthread_getattr_default_np(&attributes);
    ::pthread_attr_setstacksize(&attributes, bytes);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
  }

  rlimit before_{};
};

TEST(WorkerPoolTest, work_for_which_no_thread_could_be_had_is_done_with_the_next_or_at_the_end) {
  if (sanitized) GTEST_SKIP() << "a sanitizer maps more than there would be room for";
  std::atomic<int> ran = 0;
  WorkerPool pool(2);
  {
    const NoMoreThreads none;
    pool.post([&] { ++ran; });
  }
  EXPECT_EQ(pool.threads(), 0U);
  EXPECT_EQ(pool.waiting(), 1U);
  pool.post([] {});
  while (ran < 1) std::this_thread::yield();
  pool.stop();

  WorkerPool ending(2);
  {
    const NoMoreThreads none;
    ending.post([&] { ++ran; });
  }
  ending.stop();
  EXPECT_EQ(ran, 2);
}

TEST(WorkerPoolTest, who_keeps_a_starved_pool_is_told_and_its_work_is_done_once_there_are_threads) {
  if (sanitized) GTEST_SKIP() << "a sanitizer maps more than there would be room for";
  std::atomic<int> ran = 0;
  int starved = 0;
  WorkerPool pool(2);
  pool.when_starved([&] { ++starved; });
  EXPECT_EQ(pool.try_again(), 0U) << "nothing waits";
  {
    const NoMoreThreads none;
    pool.post([&] { ++ran; });
    EXPECT_EQ(starved, 1);
    EXPECT_EQ(pool.try_again(), 1U);
  }
  EXPECT_EQ(pool.try_again(), 0U);
  while (ran < 1) std::this_thread::yield();
  pool.post([&] { ++ran; });
  pool.stop();
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(starved, 1) << "there was a thread";
}

TEST(WorkerPoolTest, an_allocation_that_fails_costs_its_task_and_not_the_process) {
  WorkerPool pool(1);
  bool ran = false;
  pool.post([] { throw std::bad_alloc(); });
  pool.post([&] { ran = true; });
  pool.stop();
  EXPECT_TRUE(ran);
}

TEST(StrandTest, an_allocation_that_fails_costs_its_task_and_the_strand_goes_on) {
  WorkerPool pool(1);
  Strand strand(pool);
  std::promise<void> ran;
  strand.post([] { throw std::bad_alloc(); });
  strand.post([&] { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST(StrandTest, tasks_run_in_order_and_never_two_at_once) {
  WorkerPool pool(4);
  std::vector<int> order;  // unguarded on purpose: a thread sanitizer sees two at once
  {
    Strand strand(pool);
    for (int i = 0; i < 1000; ++i) strand.post([&order, i] { order.push_back(i); });
  }
  pool.stop();
  // What was queued when the pool stopped may be dropped, but never out of order.
  for (int i = 0; i < static_cast<int>(order.size()); ++i)
    ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(StrandTest, one_strand_that_waits_holds_up_no_other) {
  WorkerPool pool(2);
  Strand slow(pool), quick(pool);
  std::promise<void> release, ran;
  slow.post([gate = release.get_future().share()] { gate.wait(); });
  quick.post([&] { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  release.set_value();
  pool.stop();
}

TEST(StrandTest, a_busy_strand_lets_others_in_between) {
  WorkerPool pool(1);
  std::promise<void> release;
  pool.post([gate = release.get_future().share()] { gate.wait(); });
  Strand busy(pool);
  std::vector<int> order;  // one thread runs all of it
  static constexpr int other = -1;
  constexpr int tasks = 100;
  for (int i = 0; i < tasks; ++i) busy.post([&order, i] { order.push_back(i); });
  pool.post([&order] { order.push_back(other); });
  release.set_value();
  pool.stop();
  const auto met = std::ranges::find(order, other);
  ASSERT_NE(met, order.end());
  EXPECT_GT(met - order.begin(), 1) << "each task cost a turn";
  EXPECT_LT(met - order.begin(), 10) << "the strand kept the thread";
}

TEST(StrandTest, a_strand_may_be_dropped_while_its_tasks_wait) {
  WorkerPool pool(1);
  std::promise<void> release;
  pool.post([gate = release.get_future().share()] { gate.wait(); });
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  auto ran = std::make_shared<std::promise<void>>();
  {
    Strand strand(pool);
    strand.post([ran, owned = std::move(owned)] { ran->set_value(); });
  }
  release.set_value();
  EXPECT_EQ(ran->get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  pool.stop();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace slipway
