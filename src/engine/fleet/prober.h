// Asks instances whether they are healthy, for life: GET /ping, 200 within two seconds. Each says
// "Prefer: wait=1" (RFC 7240): an instance that is about to be ready may answer when it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "place/place.h"

namespace slipway::net {
class Loop;
}

namespace slipway::fleet {

// Limits and paces.
inline constexpr std::chrono::milliseconds ping_timeout{2'000};
inline constexpr std::chrono::milliseconds ping_first_delay{2};
inline constexpr std::chrono::milliseconds ping_delay_max_while_starting{250};
inline constexpr std::chrono::milliseconds ping_period{3'000};
inline constexpr unsigned ping_misses_max = 3;

// What a watched instance's health became.
struct HealthReport {
  place::InstanceKey key;
  enum class Health : std::uint8_t { healthy, unhealthy } health = Health::healthy;
  std::string reason = {};  // unhealthy: what the last tries met
};
using HealthSink = std::function<void(HealthReport)>;

// Thread-safe.
class Prober {
 public:
  virtual ~Prober() = default;
  // Watches from now on: fast until the first good answer (`healthy`), then every few seconds;
  // `unhealthy` after ping_misses_max misses in a row, `healthy` again with the next good one.
  // Watching a watched key again is nothing.
  virtual void watch(const place::InstanceKey& key, const place::Addresses& addresses) = 0;
  virtual void unwatch(const place::InstanceKey& key) = 0;
};

// The real one: an HTTP client on a loop. `loop` outlives this object; destroyed on the loop's
// thread or after the loop ended. Reports on that thread.
class HttpProber final : public Prober {
 public:
  HttpProber(net::Loop& loop, HealthSink sink);
  ~HttpProber() override;

  void watch(const place::InstanceKey& key, const place::Addresses& addresses) override;
  void unwatch(const place::InstanceKey& key) override;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipway::fleet
