// What instances are given from this disk.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/instance_specs.h"
#include "engine/fleet/run_state.h"
#include "engine/fleet/wanted_counts.h"
#include "store/store.h"

namespace slipway::fleet {

// Gets what the instances of a variant are given onto this disk: its model and its code, and then
// the environment of packages that these need. Each is fetched or made once for a variant of a
// generation, and again where it has gone from the disk.
//
// Notes in VariantRecord what they came to, asks for what is missing (ObservedFleet::fetches says
// what is under way), and wakes the fleet when one of them is late.
class VariantContents {
 public:
  // All of it outlives this object.
  VariantContents(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                  const InstanceSpecs& specs, WantedCounts& counts, store::Transaction& tx);

  // Is told, with a sentence, what could not be had, was too late, or may not be read.
  using Failed = std::function<void(std::string)>;

  // Whether all of it is on the disk, and open to the variant where instances are to be started on
  // it. Asks for what is not there.
  bool are_here(Generation generation, const Variant& variant, const Failed& failed);
  // Whether it is known what all of it came to: instances can be decided on.
  bool are_known(Generation generation, const Variant& variant);

  // Has everything asked for anew, where are_here() has failed.
  void begin_anew(const VariantId& id);
  // What is under way for a generation that is needed no more is not waited for.
  void forget_unneeded();

 private:
  Result<> may_read(const Variant& variant) const;
  bool has_artifact(const FetchId& id, const Variant& variant, const Failed& failed);
  bool has_environment(Generation generation, const Variant& variant, const Failed& failed);
  ServerTime when_asked(const FetchId& id) const;

  // When something that is under way is late, and what is said of it then.
  struct Patience {
    ServerTime deadline;
    std::string late;
  };
  std::optional<artifacts::FetchOutcome> take_outcome(const FetchId& id, const Patience& patience,
                                                      const Failed& failed);

  RunState& run_;
  FleetEffects& effects_;
  const FleetNeeds& needs_;
  const InstanceSpecs& specs_;
  WantedCounts& counts_;
  store::Transaction& tx_;
};

}  // namespace slipway::fleet
