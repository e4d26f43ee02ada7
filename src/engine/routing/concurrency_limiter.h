// Variants whose number of instances follows their requests, down to none and up from none: what
// routers count (how many instances that asks for says elastic_aim.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "engine/routing/traffic.h"

namespace slipway::routing {

// Limits and paces.
inline constexpr std::chrono::milliseconds permit_wait_max{1'000};  // past concurrency_max
inline constexpr std::size_t waiting_max = 4'096;  // requests that wait, per router

// What the routers ask of one elastic variant of one generation, and the bell by which they wake
// its reconciler. Lives in memory alone: after a crash it counts anew.
//
// Thread-safe. Taking a permit and giving it back cost an atomic operation or two; the hooks are
// called only where an instance or a permit is missing.
class ConcurrencyLimiter {
 public:
  struct Hooks {
    std::function<void()> demand;  // more is under way than the instances asked for can take
    std::function<void()> freed;   // a permit or an instance is free while somebody waits
  };
  // `clock` outlives this object.
  ConcurrencyLimiter(const Clock& clock, Hooks hooks);

  // ---- For routers.

  // One more request is under way, unless there are `concurrency_max` already.
  bool acquire(std::uint32_t concurrency_max);
  void release();
  // Requests that wait for a permit or for an instance: while there are any, what becomes free is
  // told.
  void add_waiting(std::int32_t change);

  struct GivenUp {
    std::uint64_t times = 0;
    std::string reason;  // of the last time
  };
  std::uint64_t given_up_times() const { return given_up_times_.load(std::memory_order_acquire); }
  GivenUp given_up() const;

  // ---- For the reconciler.

  struct Demand {
    std::uint32_t now = 0;      // requests under way, those that wait for an instance too
    std::uint32_t peak = 0;     // the most at once since the look before
    ServerTime last_used = {};  // when the last one ended
  };
  Demand look();
  // What the instances that run or are asked for can take at once. Rings the bell again where more
  // than that came in meanwhile.
  void aim(std::uint32_t requests);
  // Instances do not start: whoever waits for one now is told why.
  void give_up(std::string reason);

 private:
  void ring();

  const Clock& clock_;
  const Hooks hooks_;
  alignas(64) std::atomic<std::uint32_t> under_way_ = 0;
  std::atomic<std::uint32_t> peak_ = 0;
  std::atomic<std::int64_t> last_used_us_;
  alignas(64) std::atomic<std::uint32_t> aimed_ = 0;
  std::atomic<std::int32_t> waiting_ = 0;
  std::atomic<bool> rung_ = false;
  std::atomic<std::uint64_t> given_up_times_ = 0;
  mutable std::mutex mutex_;
  std::string given_up_reason_;  // guarded by mutex_
};

// A request's permit; gives it back when it goes.
class Permit {
 public:
  Permit() = default;
  // Returns nullopt where concurrency_max are under way.
  static std::optional<Permit> acquire(const std::shared_ptr<ConcurrencyLimiter>& limiter,
                                       std::uint32_t concurrency_max) {
    if (!limiter->acquire(concurrency_max)) return std::nullopt;
    return Permit(limiter);
  }
  Permit(Permit&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(limiter_, other.limiter_);
    return *this;
  }
  ~Permit() {
    if (limiter_) limiter_->release();
  }

  const ConcurrencyLimiter* limiter() const { return limiter_.get(); }

 private:
  explicit Permit(std::shared_ptr<ConcurrencyLimiter> limiter) : limiter_(std::move(limiter)) {}

  std::shared_ptr<ConcurrencyLimiter> limiter_;
};

}  // namespace slipway::routing
