#include "base/worker_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/memory_shortage.h"
#include "base/thread_name.h"

namespace slipway {
namespace {

constexpr int background_nice = 5;  // a third of the weight of the others

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, Priority priority, const std::string& name) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this, priority, name] { run(priority, name); });
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(Task task, TaskOwner owner) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    std::deque<Task>& queue = queues_[owner];
    queue.push_back(std::move(task));
    ++waiting_;
    if (queue.size() == 1) turns_.push_back(owner);
  }
  wake_.notify_one();
}

void WorkerPool::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  threads_.clear();
}

std::size_t WorkerPool::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
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

void WorkerPool::run(Priority priority, const std::string& name) {
  name_this_thread(name);
  // On Linux a thread has a nice value of its own, and may always be nicer.
  if (priority == Priority::background)
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), background_nice);
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (turns_.empty()) return;
    Task task = take_next();
    lock.unlock();
    survive_memory_shortage("workers", task);
  }
}

}  // namespace slipway
