// Threads for what may block: control-plane handlers, file work, archive unpacking.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace slipway {

using Task = std::move_only_function<void()>;

// Whom a task is for; tasks of one owner are run in the order of posting.
enum class TaskOwner : std::uint64_t { nobody = 0 };

// Runs tasks on a fixed number of threads. Owners take turns, one task each: who posts thousands
// waits for itself, and not the others for it. A task that throws ends the process (whoever posts
// catches), but for an allocation that failed, which ends the task.
//
// The server has one pool for each lane, so that what moves many bytes never holds the threads of
// what is quick.
class WorkerPool {
 public:
  // `background` threads give way to the others where cores are short.
  enum class Priority : std::uint8_t { normal, background };

  // `name`: of its threads.
  explicit WorkerPool(std::size_t threads, Priority priority = Priority::normal,
                      const std::string& name = "worker");
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // From any thread. After stop() the task is dropped.
  void post(Task task, TaskOwner owner = TaskOwner::nobody);

  // Tasks that no thread has begun yet. From any thread.
  std::size_t waiting() const;
  std::size_t threads() const { return threads_.size(); }

  // Runs what is queued to its end, then joins. Idempotent.
  void stop();

 private:
  void run(Priority priority, const std::string& name);
  Task take_next();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_map<TaskOwner, std::deque<Task>> queues_;  // none is empty
  std::deque<TaskOwner> turns_;                             // each that has a queue, once
  std::size_t waiting_ = 0;                                 // in all of them
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace slipway
