#include "engine/transform/asking.h"

#include <algorithm>

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

Asking::Turn Asking::wait(const Piece* first, Wants wants) {
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

void Asking::skip() {
  const std::lock_guard lock(mutex_);
  --held_;
  changed_.notify_all();
}

void Asking::taken(const Piece&) { skip(); }

void Asking::submit(const std::shared_ptr<Piece>& piece) {
  Lock lock(mutex_);
  waiting_.push_back(piece);
  pump(std::move(lock));
}

void Asking::drop(const std::shared_ptr<Piece>& piece) {
  const std::lock_guard lock(mutex_);
  piece->dropped = true;
  --held_;
  changed_.notify_all();
}

void Asking::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  waiting_.clear();
  changed_.notify_all();
}

bool Asking::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

// Begins as many as may be under way.
void Asking::pump(Lock lock) {
  std::vector<std::shared_ptr<Piece>> begun;
  while (!stopping_ && under_way_ < terms_.under_way_max && !waiting_.empty()) {
    auto piece = std::move(waiting_.front());
    waiting_.pop_front();
    if (piece->dropped) continue;
    ++under_way_;
    begun.push_back(std::move(piece));
  }
  lock.unlock();
  for (const auto& piece : begun) ask(piece);
}

void Asking::ask(const std::shared_ptr<Piece>& piece) {
  ++piece->tries;
  instances_.ask({.fleet = terms_.fleet.text,
                  .content_type = terms_.content_type,
                  .accept = terms_.accept,
                  .body = piece->sent,
                  .body_files = piece->sent_files,
                  .owner = piece},
                 [self = shared_from_this(), piece](Reply reply) {
                   self->take_reply(piece, std::move(reply));
                 });
}

void Asking::take_reply(const std::shared_ptr<Piece>& piece, Reply reply) {
  Lock lock(mutex_);
  const bool again = !reply.is_good() && reply.may_be_repeated() &&
                     piece->tries <= terms_.retries_max && !piece->dropped && !stopping_;
  if (!again) {
    --under_way_;
    piece->reply = std::move(reply);
    piece->done = true;
    changed_.notify_all();
    return pump(std::move(lock));
  }
  lock.unlock();
  const auto delay =
      std::min(retry_delay_first * (1U << std::min(piece->tries - 1, 10U)), retry_delay_last);
  instances_.later(delay, [self = shared_from_this(), piece] { self->ask_again(piece); });
}

void Asking::ask_again(const std::shared_ptr<Piece>& piece) {
  Lock lock(mutex_);
  if (!stopping_ && !piece->dropped) {
    lock.unlock();
    return ask(piece);
  }
  --under_way_;
  piece->done = true;
  pump(std::move(lock));
}

}  // namespace slipway::transform
