// How many instances the requests of an elastic variant ask for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "engine/routing/concurrency_limiter.h"
#include "engine/routing/traffic.h"

namespace slipway::fleet {

// Between tries to start an instance that ends before it is healthy.
inline constexpr std::chrono::milliseconds elastic_restart_delay_max{1'000};

// How many instances that many requests at once need.
std::uint32_t instances_for(const routing::Elastic& elastic, std::uint32_t requests);

// The instances that are always there.
inline std::uint32_t provisioned_instances(const routing::Elastic& elastic) {
  return instances_for(elastic, elastic.provisioned);
}

// How many instances stand now because of requests, and until when at least.
struct ElasticAim {
  std::uint32_t instances = 0;
  ServerTime until = {};
};

// Follows the demand: up at once; to none when nothing was under way for `idle_time`; down to what
// the busiest moment of the last `idle_time` needed. Returns when to look again; nothing: only when
// the bell rings.
std::optional<ServerTime> follow(ElasticAim& aim, const routing::Elastic& elastic,
                                 const routing::ConcurrencyLimiter::Demand& demand,
                                 std::chrono::milliseconds idle_time, ServerTime now);

}  // namespace slipway::fleet
