// The courier that really sends: a few threads, each with one request at a time.
#pragma once

#include <atomic>
#include <functional>

#include "base/worker_pool.h"
#include "engine/events/http_deliveries.h"

namespace slipway::events {

inline constexpr std::size_t courier_threads = 8;

// Sends with POST, a whole exchange in at most delivery_time_max, however its answer comes; follows
// no redirection, keeps no answer. Thread-safe; the destructor waits for what is under way, and
// drops what was not begun.
class HttpCourier final : public Courier {
 public:
  // `report` is called from the courier's threads.
  explicit HttpCourier(std::function<void(CourierReport)> report);
  ~HttpCourier() override { stop(); }

  void send(CourierTask task) override;
  void stop();

 private:
  CourierReport deliver(const CourierTask& task) const;

  std::function<void(CourierReport)> report_;
  std::atomic<bool> stopping_ = false;
  WorkerPool threads_{courier_threads};
};

}  // namespace slipway::events
