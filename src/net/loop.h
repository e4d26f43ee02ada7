// One epoll loop on one thread: descriptors, timers, and tasks posted by other threads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "net/socket.h"

namespace slipway::net {

class TimerWheel;

// Is told when its descriptor is ready. Owned by whoever watches.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // On the loop thread. `events` is epoll's mask. The watcher may unwatch and destroy itself.
  virtual void on_ready(std::uint32_t events) = 0;
};

// Runs once after the batch in which it was armed: what many requests of one batch wrote goes out
// in one system call. Owned by whoever arms it.
class BatchHook {
 public:
  virtual ~BatchHook() = default;
  virtual void on_batch_end() = 0;

 private:
  friend class Loop;
  bool armed_ = false;
};

using TimerId = std::uint64_t;  // 0: no timer

// The loop. A batch is: the descriptors that one epoll_wait reported, then the timers that are due,
// then the tasks that were posted, then the batch hooks.
//
// Everything is for the loop thread, the thread inside run(), except post(), stop() and
// in_loop_thread(); before run() is entered, the thread that will enter it counts as the loop
// thread. A watcher, hook or task that throws ends the process, but for an allocation that failed:
// that ends the watcher's turn or the task alone.
class Loop {
 public:
  Loop();
  ~Loop();  // tasks that never ran and timers are dropped unrun
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); what was posted before stop() is run first. May be entered again after.
  // Blocks SIGPIPE for the calling thread: a closed socket is an error here, never a signal.
  void run();
  // From any thread.
  void stop();

  // Runs `task` on the loop thread, in the order of posting; never inside this call. From any
  // thread; one wake-up for all that is posted until the loop gets to it.
  void post(Task task);
  // As post(), but runs at once when called on the loop thread.
  void dispatch(Task task);
  bool in_loop_thread() const;
  // Tasks that were posted and have not begun. From any thread.
  std::size_t waiting() const;

  // Watches `fd` for epoll's `events` (EPOLLET included if wanted). `watcher` outlives the watch.
  void watch(int fd, std::uint32_t events, Watcher& watcher);
  // The same for what a stranger may have many of: false where the kernel watches no more.
  bool try_watch(int fd, std::uint32_t events, Watcher& watcher);
  void rewatch(int fd, std::uint32_t events, Watcher& watcher);
  // Also drops what the current batch still had to report to `watcher`. Call before close().
  void unwatch(int fd, Watcher& watcher);

  // Whether something is to be reported already. Loop thread only.
  bool has_events() const;

  // Timers are coarse: a task runs up to 2 ms late, never early.
  TimerId after(std::chrono::nanoseconds delay, Task task);
  // Cancelling what ran or was cancelled is fine.
  void cancel(TimerId timer);

  // Arms `hook` for the end of this batch; arming twice is arming once. When called outside run()
  // the hook runs at the end of the first batch.
  void at_batch_end(BatchHook& hook);
  // A hook that goes away while armed must be disarmed.
  void disarm(BatchHook& hook);

  // The time at which this batch began.
  Instant now() const { return now_; }

 private:
  void run_batch();
  int wait_time() const;
  void run_posted();
  void run_hooks();
  void wake();

  Fd epoll_;
  Fd wake_;
  Instant now_;
  std::unique_ptr<TimerWheel> timers_;
  std::vector<BatchHook*> hooks_;
  struct Batch;
  std::unique_ptr<Batch> batch_;

  mutable std::mutex mutex_;
  std::vector<Task> posted_;   // guarded by mutex_
  std::vector<Task> running_;  // the loop thread's half of the double buffer
  std::atomic<bool> wake_pending_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::thread::id> thread_;
};

// A loop with a thread of its own, started at once; the destructor stops and joins.
class LoopThread {
 public:
  explicit LoopThread(std::string name = "loop");
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  Loop& loop() { return loop_; }
  const Loop& loop() const { return loop_; }
  // Runs `task` on the loop thread and waits for its end; after stop(), on the caller's. Never from
  // the loop thread.
  void run_and_wait(Task task);
  void stop();

 private:
  Loop loop_;
  std::jthread thread_;
};

}  // namespace slipway::net
