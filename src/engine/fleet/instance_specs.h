// How instances are started.
#pragma once

#include <optional>

#include "base/result.h"
#include "engine/environments/environments.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/plan.h"
#include "engine/fleet/record.h"
#include "place/place.h"

namespace slipway::fleet {

// Makes of a variant what its instances are started with: its program, with what all of its kind
// are given here, and the folders on this disk that hold its model, its code and its environment.
//
// Reads the server's options and what is on the disk now; decides nothing and asks for nothing.
class InstanceSpecs {
 public:
  // All of it outlives this object.
  InstanceSpecs(const FleetId& id, const FleetNeeds& needs, const FleetOptions& options);

  // Refuses, with a sentence, a variant that no instance can be started of here: not_implemented
  // (an image without a container engine, many models without their keeper) or not_found (a
  // built-in image that this server does not have).
  Result<> check(const Variant& variant) const;

  // Whether an environment is installed before its instances are started.
  bool needs_environment(const Variant& variant) const;
  // What that environment is made from. Returns nullopt while model or code is missing on the disk.
  std::optional<environments::EnvironmentNeed> environment_need(Generation generation,
                                                                const Variant& variant,
                                                                const VariantRecord& known) const;

  // Returns nullopt while anything that it is given is missing on the disk.
  std::optional<place::InstanceSpec> of(const InstanceRecord& instance, const Variant& variant,
                                        const VariantRecord& known) const;

 private:
  const BuiltInProgram* built_in(const Program& program) const;
  place::InstanceSpec program_spec(const Program& program) const;
  std::optional<place::InstanceSpec> spec_with_contents(const Program& program,
                                                        const VariantRecord& known) const;
  bool add_environment(const Variant& variant, const VariantRecord& known,
                       place::InstanceSpec& spec) const;

  const FleetId& id_;
  const FleetNeeds& needs_;
  const FleetOptions& options_;
};

}  // namespace slipway::fleet
