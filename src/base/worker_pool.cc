#include "base/worker_pool.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iterator>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/memory_shortage.h"
#include "base/short_turns.h"
#include "base/thread_name.h"

namespace slipway {
namespace {

constexpr int background_nice = 5;  // a third of the weight of the others

}  // namespace

WorkerPool::WorkerPool(std::size_t threads_max, Priority priority, std::string name,
                       std::chrono::milliseconds idle_max)
    : threads_max_(threads_max), priority_(priority), name_(std::move(name)), idle_max_(idle_max) {}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(Task task, TaskOwner owner) {
  Threads ended;
  bool starved = false;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    std::deque<Task>& queue = queues_[owner];
    queue.push_back(std::move(task));
    ++waiting_;
    if (queue.size() == 1) turns_.push_back(owner);
    if (waiting_ > idle_ && threads_.size() < threads_max_) start_thread();
    starved = is_starved();
    ended.swap(ended_);
  }
  wake_.notify_one();
  if (starved && starved_) starved_();
}

std::size_t WorkerPool::try_again() {
  const std::scoped_lock lock(mutex_);
  if (is_starved() && !stopping_) start_thread();
  return is_starved() && !stopping_ ? waiting_ : 0;
}

// A thread that is told to begin waits for the mutex first, so it finds itself in the list.
void WorkerPool::start_thread() {
  threads_.emplace_back();
  const auto self = std::prev(threads_.end());
  try {
    *self = std::jthread([this, self] { run(self); });
    refused_ = false;
  } catch (const std::system_error& none_left) {
    threads_.erase(self);
    if (std::exchange(refused_, true)) return;
    log_error("workers", "a thread cannot be started",
              {{"pool", name_},
               {"threads", fmt::format("{}", threads_.size())},
               {"why", none_left.what()}});
  }
}

// What is queued is run to its end: a thread ends when it finds nothing, and who stops the pool
// takes each thread that there is, and runs by himself what no thread could be had for.
void WorkerPool::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (;;) {
    Threads joined;
    {
      const std::scoped_lock lock(mutex_);
      joined.swap(ended_);
      if (joined.empty() && !threads_.empty())
        joined.splice(joined.end(), threads_, threads_.begin());
    }
    if (joined.empty()) break;
  }
  std::unique_lock lock(mutex_);
  while (!turns_.empty()) {
    Task task = take_next();
    lock.unlock();
    survive_memory_shortage("workers", task);
    task = nullptr;
    lock.lock();
  }
}

std::size_t WorkerPool::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
}

std::size_t WorkerPool::threads() const {
  const std::scoped_lock lock(mutex_);
  return threads_.size();
}

std::size_t WorkerPool::idle() const {
  const std::scoped_lock lock(mutex_);
  return idle_;
}

Task WorkerPool::take_next() {
  const TaskOwner owner = turns_.front();
  turns_.pop_front();
  const auto queue = queues_.find(owner);
  Task task = std::move(queue->second.front());
  queue->second.pop_front();
  --waiting_;
  if (queue->second.empty())
    queues_.erase(queue);
  else
    turns_.push_back(owner);
  return task;
}

// False: there was none for so long, or the pool stops, and the thread is to end.
bool WorkerPool::wait_for_task(std::unique_lock<std::mutex>& lock) {
  ++idle_;
  wake_.wait_for(lock, idle_max_, [this] { return stopping_ || !turns_.empty(); });
  --idle_;
  return !turns_.empty();
}

void WorkerPool::run(Threads::iterator self) {
  name_this_thread(name_);
  // On Linux a thread has a nice value of its own, and may always be nicer.
  if (priority_ == Priority::background)
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), background_nice);
  take_short_turns();
  std::unique_lock lock(mutex_);
  while (wait_for_task(lock)) {
    Task task = take_next();
    lock.unlock();
    survive_memory_shortage("workers", task);
    task = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
  if (!stopping_) ended_.splice(ended_.end(), threads_, self);
}

}  // namespace slipway
