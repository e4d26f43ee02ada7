// How many instances there are to be.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/run_state.h"

namespace slipway::fleet {

// Says how many instances each variant is to have: as many as its plan says; or, where it is
// elastic and its generation serves, as many as its requests ask for.
//
// Reads plans, shares and instances, and what the limiters of elastic variants have counted. Keeps
// what it makes of that in ObservedFleet::elastic, changes nothing that is stored, and tells each
// limiter how many requests it may let through at once.
class WantedCounts {
 public:
  // All of it outlives this object; a limiter calls `look_again` from any thread, for longer.
  WantedCounts(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
               const FleetOptions& options, const std::function<void()>& look_again);

  // Takes in what is asked of the elastic variants that serve.
  void follow_requests();
  // Forgets the requests of those that serve no more.
  void forget_others();

  std::uint32_t of(Generation generation, const Variant& variant);
  // How many of the variant must be there for its generation to be complete.
  std::uint32_t to_serve(Generation generation, const Variant& variant) const;

  // Whether the number of its like follows requests.
  bool follows_requests(const InstanceRecord& instance) const;
  // Of an instance that ended with a former server: the requests that it stood for went with that
  // server. Those that always stand are filled up with new ones.
  void forget_requests_of(const InstanceRecord& instance);

  // What the requests of an elastic variant pass on their way.
  const std::shared_ptr<routing::ConcurrencyLimiter>& limiter(Generation generation,
                                                              const Variant& variant);

 private:
  ObservedDemand& demand(Generation generation, const Variant& variant);

  RunState& run_;
  FleetEffects& effects_;
  const FleetNeeds& needs_;
  const FleetOptions& options_;
  const std::function<void()>& look_again_;
};

}  // namespace slipway::fleet
