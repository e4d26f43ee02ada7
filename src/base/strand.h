// Runs one owner's tasks one at a time and in order on a pool, without holding a thread between
// them.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "base/worker_pool.h"

namespace slipway {

// Thread-safe. May be dropped while tasks are queued: they still run, then everything is freed.
class Strand {
 public:
  explicit Strand(WorkerPool& pool, TaskOwner owner = TaskOwner::nobody)
      : state_(std::make_shared<State>(pool, owner)) {}

  void post(Task task);

 private:
  struct State {
    State(WorkerPool& workers, TaskOwner whose) : pool(workers), owner(whose) {}
    WorkerPool& pool;
    const TaskOwner owner;
    std::mutex mutex;
    std::deque<Task> queue;
    bool running = false;
  };

  static void run(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace slipway
