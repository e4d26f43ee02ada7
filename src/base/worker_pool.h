// Threads for what may block: control-plane handlers, file work, archive unpacking.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

namespace slipway {

using Task = std::move_only_function<void()>;

// An owner is whom a task is for; tasks of one owner are run in the order of posting.
enum class TaskOwner : std::uint64_t { nobody = 0 };

// A thread that found no task for so long ends: an idle server has none that might block.
inline constexpr std::chrono::seconds worker_idle_max{10};

// Runs tasks on threads that begin when there is work for them, up to as many as it may have, and
// end when there was none for `worker_idle_max`. Owners take turns, one task each: who posts
// thousands waits for itself, and not the others for it. A task that throws ends the process
// (whoever posts catches), but for an allocation that failed, which ends the task.
//
// The server has one pool for each lane, so that what moves many bytes never holds the threads of
// what is quick.
class WorkerPool {
 public:
  // `background` threads give way to the others where cores are short.
  enum class Priority : std::uint8_t { normal, background };

  // `name`: of its threads. `idle_max`: as worker_idle_max.
  explicit WorkerPool(std::size_t threads_max, Priority priority = Priority::normal,
                      std::string name = "worker",
                      std::chrono::milliseconds idle_max = worker_idle_max);
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // `starved` is called whenever a task is posted, the machine has no thread left to give and the
  // pool has none: from then on try_again() is to be called, now and then, until it returns 0. On
  // the thread that posts. Set before the first post.
  void when_starved(std::function<void()> starved) { starved_ = std::move(starved); }

  // From any thread. After stop() the task is dropped. Where no thread could be had it waits for
  // the next one that is posted, or for try_again().
  void post(Task task, TaskOwner owner = TaskOwner::nobody);

  // Begins a thread where tasks wait and the pool has none. Returns how many still wait for one.
  // From any thread.
  std::size_t try_again();

  // Tasks that no thread has begun yet. From any thread.
  std::size_t waiting() const;
  std::size_t threads_max() const { return threads_max_; }
  // That there are now, and of these, that have nothing to do. From any thread.
  std::size_t threads() const;
  std::size_t idle() const;

  // Runs what is queued to its end, then joins. Idempotent.
  void stop();

 private:
  using Threads = std::list<std::jthread>;

  bool is_starved() const { return waiting_ > 0 && threads_.empty(); }
  void start_thread();
  void run(Threads::iterator self);
  bool wait_for_task(std::unique_lock<std::mutex>& lock);
  Task take_next();

  const std::size_t threads_max_;
  const Priority priority_;
  const std::string name_;
  const std::chrono::milliseconds idle_max_;
  std::function<void()> starved_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::unordered_map<TaskOwner, std::deque<Task>> queues_;  // none is empty
  std::deque<TaskOwner> turns_;                             // each that has a queue, once
  std::size_t waiting_ = 0;                                 // in all of them
  std::size_t idle_ = 0;                                    // threads that wait for a task
  bool stopping_ = false;
  bool refused_ = false;  // the last thread could not be started: said once
  Threads threads_;
  Threads ended_;  // to be joined, by who posts next: each is past its last use of the pool
};

}  // namespace slipway
