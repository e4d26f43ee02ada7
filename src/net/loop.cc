#include "net/loop.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>

#include "base/log.h"
#include "base/memory_shortage.h"
#include "base/thread_name.h"
#include "net/timer_wheel.h"

namespace slipway::net {
namespace {

constexpr std::size_t batch_events_max = 256;

// Sockets live in the machine's own time: a loop's clock is not passed in.
Instant machine_now() { return std::chrono::steady_clock::now(); }

[[noreturn]] void die(std::string_view what) {
  log_error("net", what, {{"error", errno_text(errno)}});
  std::abort();
}

}  // namespace

// Holds what epoll reported, and what of it is still to be handled.
struct Loop::Batch {
  std::array<epoll_event, batch_events_max> events;
  std::size_t next = 0;
  std::size_t end = 0;
};

Loop::Loop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      now_(machine_now()),
      timers_(std::make_unique<TimerWheel>(now_)),
      batch_(std::make_unique<Batch>()) {
  if (!epoll_ || !wake_) die("no descriptors left for an event loop");
  epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) die("epoll_ctl failed");
}

Loop::~Loop() = default;

void Loop::run() {
  thread_ = std::this_thread::get_id();
  block_sigpipe();
  while (!stopping_.load(std::memory_order_acquire)) run_batch();
  run_posted();
  run_hooks();
  stopping_ = false;
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  wake();
}

void Loop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  if (wake_pending_.exchange(true, std::memory_order_acq_rel)) return;
  // The loop itself looks before it sleeps.
  if (thread_.load(std::memory_order_relaxed) != std::this_thread::get_id()) wake();
}

void Loop::dispatch(Task task) {
  if (in_loop_thread()) return task();
  post(std::move(task));
}

bool Loop::in_loop_thread() const {
  const auto thread = thread_.load(std::memory_order_relaxed);
  return thread == std::this_thread::get_id() || thread == std::thread::id();
}

void Loop::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

void Loop::watch(int fd, std::uint32_t events, Watcher& watcher) {
  if (!try_watch(fd, events, watcher)) die("epoll cannot watch");
}

bool Loop::try_watch(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event = {.events = events, .data = {.ptr = &watcher}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::rewatch(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event = {.events = events, .data = {.ptr = &watcher}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) die("epoll cannot watch");
}

void Loop::unwatch(int fd, Watcher& watcher) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (std::size_t i = batch_->next; i < batch_->end; ++i) {
    if (batch_->events[i].data.ptr == &watcher) batch_->events[i].data.ptr = nullptr;
  }
}

bool Loop::has_events() const {
  pollfd ready = {.fd = epoll_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) > 0;
}

TimerId Loop::after(std::chrono::nanoseconds delay, Task task) {
  return timers_->add(machine_now() + delay, std::move(task));
}

void Loop::cancel(TimerId timer) { timers_->cancel(timer); }

void Loop::at_batch_end(BatchHook& hook) {
  if (hook.armed_) return;
  hook.armed_ = true;
  hooks_.push_back(&hook);
}

void Loop::disarm(BatchHook& hook) {
  if (!hook.armed_) return;
  hook.armed_ = false;
  std::ranges::replace(hooks_, &hook, nullptr);
}

int Loop::wait_time() const {
  if (!hooks_.empty() || wake_pending_.load(std::memory_order_acquire)) return 0;
  const auto due = timers_->next_due(now_);
  return due ? static_cast<int>(due->count()) : -1;
}

void Loop::run_batch() {
  Batch& batch = *batch_;
  const int count = ::epoll_wait(epoll_.get(), batch.events.data(), batch_events_max, wait_time());
  if (count < 0 && errno != EINTR) die("epoll_wait failed");
  now_ = machine_now();
  batch.end = static_cast<std::size_t>(std::max(count, 0));
  for (batch.next = 0; batch.next < batch.end;) {
    const epoll_event event = batch.events[batch.next++];
    if (event.data.ptr == nullptr) continue;
    survive_memory_shortage("net",
                            [&] { static_cast<Watcher*>(event.data.ptr)->on_ready(event.events); });
  }
  timers_->run_due(now_);
  if (wake_pending_.load(std::memory_order_acquire)) run_posted();
  run_hooks();
}

std::size_t Loop::waiting() const {
  const std::lock_guard lock(mutex_);
  return posted_.size();
}

void Loop::run_posted() {
  // The eventfd is watched edge-triggered and never read: each write is one edge.
  wake_pending_.store(false, std::memory_order_release);
  {
    const std::lock_guard lock(mutex_);
    running_.swap(posted_);
  }
  for (Task& task : running_) survive_memory_shortage("net", task);
  running_.clear();
}

void Loop::run_hooks() {
  // By index: a hook may arm others, which then run in the same pass.
  for (std::size_t i = 0; i < hooks_.size(); ++i) {
    BatchHook* hook = hooks_[i];
    if (hook == nullptr) continue;
    hook->armed_ = false;
    survive_memory_shortage("net", [&] { hook->on_batch_end(); });
  }
  hooks_.clear();
}

LoopThread::LoopThread(std::string name)
    : thread_([this, name = std::move(name)] {
        name_this_thread(name);
        loop_.run();
      }) {
  // From here on in_loop_thread() tells this thread from the loop's.
  run_and_wait([] {});
}

LoopThread::~LoopThread() { stop(); }

void LoopThread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void LoopThread::run_and_wait(Task task) {
  if (!thread_.joinable()) return task();
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  loop_.post([&] {
    task();
    const std::lock_guard lock(mutex);
    done = true;
    ended.notify_one();
  });
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return done; });
}

}  // namespace slipway::net
