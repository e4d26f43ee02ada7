// The order in which the parts of a server end.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace slipway::server {

// Ends what began, the newest first, each once: when it is told to, or when it goes because a later
// part could not begin. One thread's.
class ServerLifecycle {
 public:
  ServerLifecycle() = default;
  ServerLifecycle(const ServerLifecycle&) = delete;
  ServerLifecycle& operator=(const ServerLifecycle&) = delete;
  ~ServerLifecycle() { end(); }

  // A part has begun; `end` stops what it runs, and leaves everything else of it in place: parts
  // that began before may still report to it.
  void began(std::function<void()> end) { ends_.push_back(std::move(end)); }

  void end() {
    while (!ends_.empty()) {
      const auto newest = std::move(ends_.back());
      ends_.pop_back();
      newest();
    }
  }

 private:
  std::vector<std::function<void()>> ends_;
};

}  // namespace slipway::server
