// Asks instances whether they are healthy, for life, each in the way that its contract names.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/fleet/contract.h"
#include "place/place.h"

namespace slipway::net {
class Loop;
}

namespace slipway::fleet {

// Limits and paces.
inline constexpr std::chrono::milliseconds check_first_delay{2};
inline constexpr std::chrono::milliseconds check_delay_max_while_starting{250};
inline constexpr std::chrono::milliseconds check_period{3'000};
inline constexpr unsigned check_misses_max = 3;

// Where an instance is asked, and how.
struct ProbedAt {
  place::Addresses addresses;
  Probe probe;
};

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
  // `unhealthy` after check_misses_max misses in a row, `healthy` again with the next good one.
  // What has no probe is `healthy` at once. Watching a watched key again does nothing.
  virtual void watch(const place::InstanceKey& key, const ProbedAt& probed) = 0;
  virtual void unwatch(const place::InstanceKey& key) = 0;
};

// The real one: checks over the network, on a loop. `loop` outlives this object; destroyed on the
// loop's thread or after the loop ended. Reports on that thread.
class NetworkProber final : public Prober {
 public:
  NetworkProber(net::Loop& loop, HealthSink sink);
  ~NetworkProber() override;

  void watch(const place::InstanceKey& key, const ProbedAt& probed) override;
  void unwatch(const place::InstanceKey& key) override;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipway::fleet
