// How far a streamed body may come ahead of whoever takes it.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>

#include "net/http_server.h"

namespace slipway::service {

// What is read from the network at most ahead of what the sink has taken, for each upload.
inline constexpr std::size_t upload_queue_bytes_max = 4 << 20;
// What is handed to the sink at once.
inline constexpr std::size_t upload_block_bytes = 512 << 10;

// Pauses the client while too much waits for the sink. Thread-safe but for use(), which comes
// first.
class UploadFlow {
 public:
  void use(net::BodyControl control) { control_ = std::move(control); }

  void queued(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    waiting_ += bytes;
    if (waiting_ < upload_queue_bytes_max || paused_) return;
    paused_ = true;
    control_.pause();
  }
  void taken(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    waiting_ -= bytes;
    if (!paused_ || waiting_ > upload_queue_bytes_max / 2) return;
    paused_ = false;
    control_.resume();
  }

 private:
  std::mutex mutex_;
  net::BodyControl control_;
  std::size_t waiting_ = 0;  // guarded by mutex_
  bool paused_ = false;      // guarded by mutex_
};

}  // namespace slipway::service
