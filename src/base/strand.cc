#include "base/strand.h"

#include "base/memory_shortage.h"

namespace slipway {
namespace {

constexpr int tasks_of_turn_max = 4;

}  // namespace

void Strand::post(Task task) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->queue.push_back(std::move(task));
    if (std::exchange(state_->running, true)) return;
  }
  state_->pool.post([state = state_] { run(state); }, state_->owner);
}

// A few tasks a turn: what comes in quick succession, as the parts of a small request do, costs one
// turn on the pool, and a busy strand still shares the pool with others.
void Strand::run(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (int tasks = 0; tasks < tasks_of_turn_max; ++tasks) {
    Task task = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    survive_memory_shortage("workers", task);  // the strand's other tasks still come
    task = nullptr;
    lock.lock();
    if (state->queue.empty()) {
      state->running = false;
      return;
    }
  }
  lock.unlock();
  state->pool.post([state] { run(state); }, state->owner);
}

}  // namespace slipway
