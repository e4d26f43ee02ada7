// What is stored of inference components, and how their copies are placed on the instances of their
// endpoint.
//
// A component is a resource like others (resources.h) whose document is what its Create was given,
// kept up to date by its updates. Beside it stand the slots of its copies
// (engine/fleet/placement.h). Its copies are the instances of a fleet of its own, so that health,
// updates and counts are what the fleet engine does for endpoints. All functions work in the
// caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/fleet/fleet.h"
#include "service/sagemaker/plan.h"
#include "service/sagemaker/resources.h"

namespace slipway::sagemaker {

// Limits.
inline constexpr std::size_t components_per_endpoint_max = 200;

inline constexpr ResourceKind component_kind{"sagemaker:inference-component",
                                             "inference component"};

// An inference component, as its row holds it.
struct Component {
  Resource resource;
  aws::sagemaker::CreateInferenceComponentInput given;  // the document, VariantName always there
  std::vector<std::uint32_t> slots;                     // of the variant's instances, one a copy

  std::string_view endpoint() const { return given.EndpointName(); }
  std::string_view variant() const { return *given.VariantName(); }
  std::uint32_t copies() const {
    return static_cast<std::uint32_t>(given.RuntimeConfig().CopyCount());
  }
  // Fewer copies have a place than are wanted.
  bool is_short() const { return slots.size() < copies(); }
};

// Absent where there is none. One that was deleted is there until its last copy has ended.
std::optional<Component> find_component(const Call& call, std::string_view name);

// Those that live on an endpoint, in the order of their creation.
std::vector<Component> components_on(const Call& call, std::string_view endpoint);

// Writes a new one, without slots; the errors of create(). `given` names its variant.
Result<Component> add_component(const Call& call,
                                const aws::sagemaker::CreateInferenceComponentInput& given);
// Writes `component.given` and `component.slots`, and marks it modified.
void save_component(const Call& call, const Component& component);
void erase_component(const Call& call, const Resource& resource);

// Gives the components slots of the instances that `endpoint` offers; nothing is written. Those of
// a variant that offers nothing get none.
void place_components(const fleet::FleetPlan& endpoint, std::span<Component> components);

// Places all components of an endpoint anew and tells the fleets whose number of copies changed.
// To be called after every change of what is offered or wanted on it. A component that has a slot
// for the first time is deployed.
Result<> settle_components(Call& call, fleet::Fleets& fleets, const BuiltInImages& built_in,
                           std::string_view endpoint);

// A new generation of the component's fleet, with a copy for each slot.
Result<> deploy_component(Call& call, fleet::Fleets& fleets, const BuiltInImages& built_in,
                          const Component& component);

routing::FleetId fleet_of(const Call& call, const Component& component);

// The ARN of the role that the endpoint's configuration names; empty where it names none, or is no
// more.
std::string role_of_endpoint(const Call& call, std::string_view endpoint);

// What a copy of it runs; ValidationException for what cannot be found or is not built.
Result<ContainerProgram> program_of(const Call& call, const BuiltInImages& built_in,
                                    const aws::sagemaker::InferenceComponentSpecification& given);

}  // namespace slipway::sagemaker
