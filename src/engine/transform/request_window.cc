#include "engine/transform/request_window.h"

namespace slipway::transform {

std::shared_ptr<char[]> Blocks::take(const std::shared_ptr<Blocks>& blocks) {
  std::unique_ptr<char[]> block;
  {
    const std::lock_guard lock(blocks->mutex_);
    if (!blocks->idle_.empty()) {
      block = std::move(blocks->idle_.back());
      blocks->idle_.pop_back();
    }
  }
  if (!block) block = std::make_unique_for_overwrite<char[]>(blocks->bytes_);
  return {block.release(), [blocks](char* bytes) {
            std::unique_ptr<char[]> back(bytes);
            const std::lock_guard lock(blocks->mutex_);
            blocks->idle_.push_back(std::move(back));
          }};
}

RequestWindow::Turn RequestWindow::wait(const Chunk* first, Wants wants) {
  Lock lock(mutex_);
  const std::size_t held_max = 2 * static_cast<std::size_t>(terms_.under_way_max);
  for (;;) {
    if (stopping_) return Turn::stop;
    if (first != nullptr && first->done) return Turn::write;
    if (wants == Wants::more && held_ < held_max) {
      ++held_;
      return Turn::cut;
    }
    changed_.wait(lock);
  }
}

void RequestWindow::skip() {
  const std::lock_guard lock(mutex_);
  --held_;
  changed_.notify_all();
}

void RequestWindow::taken(const Chunk&) { skip(); }

void RequestWindow::submit(const std::shared_ptr<Chunk>& chunk) {
  Lock lock(mutex_);
  waiting_.push_back(chunk);
  pump(std::move(lock));
}

void RequestWindow::drop(const std::shared_ptr<Chunk>& chunk) {
  const std::lock_guard lock(mutex_);
  chunk->dropped = true;
  --held_;
  changed_.notify_all();
}

void RequestWindow::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  waiting_.clear();
  changed_.notify_all();
}

bool RequestWindow::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

// Begins as many as may be under way.
void RequestWindow::pump(Lock lock) {
  std::vector<std::shared_ptr<Chunk>> begun;
  while (!stopping_ && under_way_ < terms_.under_way_max && !waiting_.empty()) {
    auto chunk = std::move(waiting_.front());
    waiting_.pop_front();
    if (chunk->dropped) continue;
    ++under_way_;
    begun.push_back(std::move(chunk));
  }
  lock.unlock();
  for (const auto& chunk : begun) ask(chunk);
}

void RequestWindow::ask(const std::shared_ptr<Chunk>& chunk) {
  ++chunk->tries;
  instances_.ask({.fleet = terms_.fleet.text,
                  .content_type = terms_.content_type,
                  .accept = terms_.accept,
                  .body = chunk->sent,
                  .body_files = chunk->sent_files,
                  .owner = chunk},
                 [self = shared_from_this(), chunk](InstanceReply reply) {
                   self->take_reply(chunk, std::move(reply));
                 });
}

void RequestWindow::take_reply(const std::shared_ptr<Chunk>& chunk, InstanceReply reply) {
  Lock lock(mutex_);
  const bool again = !reply.is_good() && reply.may_be_repeated() &&
                     chunk->tries <= terms_.retries_max && !chunk->dropped && !stopping_;
  if (!again) {
    --under_way_;
    chunk->reply = std::move(reply);
    chunk->done = true;
    changed_.notify_all();
    return pump(std::move(lock));
  }
  lock.unlock();
  instances_.later(request_retry.after(chunk->tries),
                   [self = shared_from_this(), chunk] { self->ask_again(chunk); });
}

void RequestWindow::ask_again(const std::shared_ptr<Chunk>& chunk) {
  Lock lock(mutex_);
  if (!stopping_ && !chunk->dropped) {
    lock.unlock();
    return ask(chunk);
  }
  --under_way_;
  chunk->done = true;
  pump(std::move(lock));
}

}  // namespace slipway::transform
