#include "engine/fleet/elastic_aim.h"

#include <algorithm>

namespace slipway::fleet {

std::uint32_t instances_for(const routing::Elastic& elastic, std::uint32_t requests) {
  const std::uint32_t wanted = std::min(requests, elastic.concurrency_max);
  return (wanted + elastic.requests_per_instance - 1) / elastic.requests_per_instance;
}

std::optional<ServerTime> follow(ElasticAim& aim, const routing::Elastic& elastic,
                                 const routing::ConcurrencyLimiter::Demand& demand,
                                 std::chrono::milliseconds idle_time, ServerTime now) {
  const std::uint32_t needed = instances_for(elastic, demand.peak);
  const ServerTime idle_at = demand.last_used + idle_time;
  if (demand.now == 0 && demand.peak == 0 && idle_at <= now) {
    aim.instances = 0;
  } else if (needed >= aim.instances || aim.until <= now) {
    // While it was used within the idle time, one stays, whatever the peak since the last look.
    aim.instances = std::max(needed, aim.instances > 0 ? 1U : 0U);
    aim.until = now + idle_time;
  }
  if (aim.instances == 0) return std::nullopt;
  return demand.now == 0 ? std::max(idle_at, now + std::chrono::microseconds(1)) : aim.until;
}

}  // namespace slipway::fleet
