// Threads for what may block: control-plane handlers, file work, archive unpacking.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

using Task = std::move_only_function<void()>;

// Runs tasks on a fixed number of threads, first come first served. A task that throws ends the
// process: whoever posts catches.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads);
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // From any thread. After stop() the task is dropped.
  void post(Task task);

  // Runs what is queued to its end, then joins. Idempotent.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace slipway
