#include <fmt/format.h>

#include <algorithm>

#include "service/errors.h"
#include "service/sagemaker/component.h"
#include "service/sagemaker/deployment.h"
#include "service/sagemaker/operations.h"

namespace slipway::sagemaker {
namespace {

using fleet::FleetState;
using fleet::FleetStatus;
using service::refuse;

// Seen from AWS where the copies of a component do not fit.
constexpr std::string_view no_room =
    "There is not enough hardware resources on the instances for this endpoint to create a copy of "
    "the inference component.";

struct Seen {
  Component component;
  FleetStatus fleet;
  bool leaving = false;
};

// What was deployed never, for want of room, has no fleet; neither has what was deleted and ended.
std::optional<Seen> see(const Call& call, const fleet::Fleets& fleets, std::string_view name) {
  auto component = find_component(call, name);
  if (!component) return std::nullopt;
  FleetStatus fleet = fleets.status(call.tx(), fleet_of(call, *component));
  const bool leaving = is_leaving(call, component->resource);
  if (leaving && fleet.state == FleetState::gone) return std::nullopt;
  return Seen{.component = *std::move(component), .fleet = std::move(fleet), .leaving = leaving};
}

Result<Seen> get_component(const Call& call, const fleet::Fleets& fleets, std::string_view name) {
  if (auto seen = see(call, fleets, name)) return *std::move(seen);
  return refuse("ValidationException", fmt::format("Could not find inference component \"{}\".",
                                                   arn_of(call, component_kind, name)));
}

// A component that lost copies with the endpoint's instances serves on with what it has; one whose
// copies never had a place has failed. When there is room again, both come up by themselves: what
// AWS does then is not known, and this needs nobody who tries again.
std::string_view status_of(const Seen& seen) {
  if (seen.leaving) return "Deleting";
  switch (seen.fleet.state) {
    case FleetState::creating: return "Creating";
    case FleetState::ready: return "InService";
    case FleetState::updating: return "Updating";
    case FleetState::update_failed: return "InService";
    case FleetState::failed: return "Failed";
    case FleetState::removing: return "Deleting";
    case FleetState::gone: return "Failed";
  }
  return "Failed";
}

std::string failure_of(const Seen& seen) {
  if (!seen.fleet.reason.empty()) return seen.fleet.reason;
  return !seen.leaving && seen.component.is_short() ? std::string(no_room) : std::string();
}

bool is_transitional(const Seen& seen) {
  const std::string_view status = status_of(seen);
  return status == "Creating" || status == "Updating" || status == "Deleting";
}

Timestamp last_modified(const Seen& seen) {
  return std::max(seen.component.resource.modified, seen.fleet.changed_at);
}

Result<Seen> get_settled(const Call& call, const fleet::Fleets& fleets, std::string_view name) {
  TRY(Seen seen, get_component(call, fleets, name));
  const std::string_view status = status_of(seen);
  const std::string_view progress = status == "Creating"   ? "CREATE_IN_PROGRESS"
                                    : status == "Updating" ? "UPDATE_IN_PROGRESS"
                                    : status == "Deleting" ? "DELETE_IN_PROGRESS"
                                                           : "";
  if (!progress.empty())
    return refuse("ValidationException",
                  fmt::format("Cannot change in-progress inference component \"{}\": {}.",
                              seen.component.resource.arn, progress));
  return seen;
}

std::unexpected<Error> not_built(std::string_view what) {
  return refuse("ValidationException",
                fmt::format("{} is not supported by this version of Slipway.", what));
}

Result<> check_specification(const api::InferenceComponentSpecification& given) {
  if (given.BaseInferenceComponentName())
    return not_built("BaseInferenceComponentName (an adapter component)");
  if (given.InstanceType()) return not_built("Specification.InstanceType");
  const auto needs = given.ComputeResourceRequirements();
  const bool image = given.Container().Image().has_value();
  if (given.ModelName().has_value() == static_cast<bool>(given.Container()))
    return refuse("ValidationException",
                  "Exactly one of ModelName and Container must be given in the specification of an "
                  "inference component.");
  if (given.Container() && !image)
    return refuse("ValidationException",
                  "The Container of an inference component must name an Image.");
  if (!needs)
    return refuse("ValidationException",
                  "ComputeResourceRequirements is required in the specification of an inference "
                  "component.");
  if (needs.MaxMemoryRequiredInMb().value_or(needs.MinMemoryRequiredInMb()) <
      needs.MinMemoryRequiredInMb())
    return refuse("ValidationException",
                  "MaxMemoryRequiredInMb must not be less than MinMemoryRequiredInMb.");
  return {};
}

// The plan of an endpoint that takes components.
Result<fleet::FleetPlan> offering_endpoint(const Call& call, const fleet::Fleets& fleets,
                                           std::string_view name) {
  const routing::FleetId id = fleet_of(call, name);
  const FleetState state = fleets.outline(call.tx(), id).state;
  const std::string arn = arn_of(call, endpoint_kind, name);
  if (!find(call, endpoint_kind, name) || state == FleetState::gone)
    return refuse("ValidationException", fmt::format("Could not find endpoint \"{}\".", arn));
  if (state == FleetState::removing)
    return refuse("ValidationException", fmt::format("Endpoint \"{}\" is being deleted.", arn));
  TRY(fleet::FleetPlan plan, fleets.standing_plan(call.tx(), id));
  if (std::ranges::none_of(plan.variants, [](const auto& v) { return v.machines() != nullptr; }))
    return refuse("ValidationException",
                  "Inference Components are not supported in this Endpoint. Please make sure this "
                  "endpoint can deploy inference components.");
  return plan;
}

// The one that is named; without a name, the only one.
Result<std::string> choose_variant(const fleet::FleetPlan& endpoint,
                                   std::optional<std::string_view> name) {
  if (!name && endpoint.variants.size() == 1) return endpoint.variants.front().name;
  if (!name)
    return refuse("ValidationException",
                  "VariantName is required: the endpoint has several production variants.");
  if (std::ranges::find(endpoint.variants, *name, &fleet::Variant::name) != endpoint.variants.end())
    return std::string(*name);
  return refuse("ValidationException",
                fmt::format("Could not find variant \"{}\" in the endpoint.", *name));
}

Result<> check_create(const Call& call, const api::CreateInferenceComponentInput& in) {
  if (!in.Specifications().empty()) return not_built("Specifications (several instance types)");
  if (!in.Specification()) return refuse("ValidationException", "Specification is required.");
  TRY_DO(check_specification(in.Specification()));
  if (!in.RuntimeConfig()) return refuse("ValidationException", "RuntimeConfig is required.");
  // AWS: a component starts with a copy and is scaled in to none later.
  if (in.RuntimeConfig().CopyCount() < 1)
    return refuse("ValidationException",
                  "The copy count of a new inference component must be an integer larger than 0.");
  if (components_on(call, in.EndpointName()).size() >= components_per_endpoint_max)
    return refuse("ResourceLimitExceeded",
                  fmt::format("An endpoint hosts at most {} inference components.",
                              components_per_endpoint_max));
  return {};
}

Result<> check_copies(std::int64_t copies) {
  if (copies <= static_cast<std::int64_t>(fleet::instances_per_variant_max)) return {};
  return refuse("ResourceLimitExceeded",
                fmt::format("An inference component has at most {} copies.",
                            fleet::instances_per_variant_max));
}

// Members that an update does not give stay what they are; a ModelName takes a Container's place
// and the other way round. AWS does not say; a changed image alone is a short request this way.
api::InferenceComponentSpecification merged(const Call& call,
                                            const api::InferenceComponentSpecification& now,
                                            api::InferenceComponentSpecification changed) {
  api::InferenceComponentSpecification kept(call.arena());
  wire::echo(now, kept);
  if (changed.ModelName() || changed.Container()) {
    kept.ModelName(std::nullopt);
    kept.Container({});
  }
  wire::echo(kept, changed);
  return changed;
}

}  // namespace

Result<api::CreateInferenceComponentOutput> Components::create(
    Call& call, api::CreateInferenceComponentInput in) {
  sweep_ended(call);
  TRY_DO(check_create(call, in));
  TRY_DO(check_copies(in.RuntimeConfig().CopyCount()));
  TRY(const fleet::FleetPlan endpoint, offering_endpoint(call, fleets_, in.EndpointName()));
  TRY(const std::string variant, choose_variant(endpoint, in.VariantName()));
  in.VariantName(variant);
  TRY_DO(expect_archive(call, in.EndpointName(), in.Specification()));
  TRY_DO(program_of(call, built_in_, in.Specification()));
  TRY(const Component component, add_component(call, in));
  TRY_DO(put_tags(call, component.resource.arn, in.Tags()));
  TRY_DO(settle_components(call, fleets_, built_in_, in.EndpointName()));
  return call.output<api::CreateInferenceComponentOutput>().InferenceComponentArn(
      component.resource.arn);
}

// Rows of components that were deleted and have ended since.
void Components::sweep_ended(const Call& call) {
  for (const Resource& resource : leaving(call, component_kind))
    if (!see(call, fleets_, resource.name)) erase_component(call, resource);
}

Result<api::DescribeInferenceComponentOutput> Components::describe(
    Call& call, api::DescribeInferenceComponentInput in) {
  TRY(const Seen seen, get_component(call, fleets_, in.InferenceComponentName()));
  const Component& component = seen.component;
  auto out = call.output<api::DescribeInferenceComponentOutput>();
  if (const auto deployment = find_deployment(call, component.resource.arn)) {
    const bool former = deployment->former && seen.fleet.serving() != 0 &&
                        seen.fleet.serving() != deployment->generation;
    TRY(out, wire::from_json<api::DescribeInferenceComponentOutput>(
                 former ? *deployment->former : deployment->wanted, call.arena()));
  } else {
    auto summary = out.make_Specification();
    wire::echo(component.given.Specification(), summary);
  }
  out.InferenceComponentName(component.resource.name)
      .InferenceComponentArn(component.resource.arn)
      .EndpointName(component.endpoint())
      .EndpointArn(arn_of(call, endpoint_kind, component.endpoint()))
      .VariantName(component.variant())
      .CreationTime(component.resource.created)
      .LastModifiedTime(last_modified(seen))
      .InferenceComponentStatus(status_of(seen));
  if (const std::string failure = failure_of(seen); !failure.empty()) out.FailureReason(failure);
  const std::uint32_t current =
      seen.fleet.variants.empty() ? 0 : seen.fleet.variants.front().instances_current;
  out.make_RuntimeConfig().DesiredCopyCount(component.copies()).CurrentCopyCount(current);
  if (is_transitional(seen)) call.wait_for(fleet::topic_of(fleet_of(call, component)));
  return out;
}

Result<api::ListInferenceComponentsOutput> Components::list(Call& call,
                                                            api::ListInferenceComponentsInput in) {
  ResourceListQuery query = list_query(call, in);
  query.modified_before = in.LastModifiedTimeBefore();
  query.modified_after = in.LastModifiedTimeAfter();
  query.status_equals = in.StatusEquals();
  const auto look = [&](ListedResource& item) {
    const auto seen = see(call, fleets_, item.resource.name);
    if (!seen) return false;
    const Component& component = seen->component;
    if (in.EndpointNameEquals().value_or(component.endpoint()) != component.endpoint() ||
        in.VariantNameEquals().value_or(component.variant()) != component.variant())
      return false;
    item.status = status_of(*seen);
    item.resource.modified = last_modified(*seen);
    return true;
  };
  TRY(const ResourceListPage page, sagemaker::list(call, component_kind, query, look));
  auto out = call.output<api::ListInferenceComponentsOutput>();
  out.InferenceComponents(wire::empty);
  for (const ListedResource& item : page.items) {
    TRY(const auto given, document_of<api::CreateInferenceComponentInput>(call, item.resource));
    out.add_InferenceComponents()
        .InferenceComponentName(item.resource.name)
        .InferenceComponentArn(item.resource.arn)
        .EndpointName(given.EndpointName())
        .EndpointArn(arn_of(call, endpoint_kind, given.EndpointName()))
        .VariantName(given.VariantName().value_or(""))
        .CreationTime(item.resource.created)
        .LastModifiedTime(item.resource.modified)
        .InferenceComponentStatus(item.status);
  }
  if (page.next_token) out.NextToken(*page.next_token);
  return out;
}

Result<api::UpdateInferenceComponentOutput> Components::update(
    Call& call, api::UpdateInferenceComponentInput in) {
  if (!in.Specifications().empty()) return not_built("Specifications (several instance types)");
  if (in.DeploymentConfig()) return not_built("DeploymentConfig (a rolling update)");
  if (!in.Specification() && !in.RuntimeConfig())
    return refuse("ValidationException", "Either Specification or RuntimeConfig must be given.");
  Change change;
  if (in.Specification()) change.specification = in.Specification();
  if (in.RuntimeConfig()) change.copies = in.RuntimeConfig().CopyCount();
  TRY(const std::string arn, apply(call, in.InferenceComponentName(), change));
  return call.output<api::UpdateInferenceComponentOutput>().InferenceComponentArn(arn);
}

Result<api::UpdateInferenceComponentRuntimeConfigOutput> Components::update_runtime_config(
    Call& call, api::UpdateInferenceComponentRuntimeConfigInput in) {
  const Change change{.specification = {}, .copies = in.DesiredRuntimeConfig().CopyCount()};
  TRY(const std::string arn, apply(call, in.InferenceComponentName(), change));
  return call.output<api::UpdateInferenceComponentRuntimeConfigOutput>().InferenceComponentArn(arn);
}

// A new specification for whose copies there is no room is refused, where AWS would begin it and
// roll back. More copies than there is room for are wanted all the same: those that fit are made,
// and the others when there is room.
Result<std::string> Components::apply(Call& call, std::string_view name, const Change& change) {
  TRY(Seen seen, get_settled(call, fleets_, name));
  Component& component = seen.component;
  if (change.copies) {
    TRY_DO(check_copies(*change.copies));
    component.given.make_RuntimeConfig().CopyCount(static_cast<std::int32_t>(*change.copies));
  }
  if (change.specification) {
    component.given.Specification(
        merged(call, component.given.Specification(), *change.specification));
    TRY_DO(check_specification(component.given.Specification()));
    TRY_DO(expect_archive(call, component.endpoint(), component.given.Specification()));
    TRY_DO(program_of(call, built_in_, component.given.Specification()));
    TRY_DO(expect_room(call, component));
  }
  save_component(call, component);
  TRY_DO(settle_components(call, fleets_, built_in_, component.endpoint()));
  // What failed to come up is tried anew, whatever was changed.
  const auto deployment = find_deployment(call, component.resource.arn);
  const bool given_up = deployment && seen.fleet.state == FleetState::update_failed &&
                        seen.fleet.serving() != deployment->generation;
  const bool anew = change.specification || given_up || seen.fleet.state == FleetState::failed;
  if (anew && seen.fleet.state != FleetState::gone)
    TRY_DO(deploy_component(call, fleets_, built_in_, *find_component(call, name)));
  return component.resource.arn;
}

Result<> Components::expect_archive(
    const Call& call, std::string_view endpoint,
    const api::InferenceComponentSpecification& specification) const {
  const auto url = specification.Container().ArtifactUrl();
  if (specification.ModelName() || !url) return {};
  return reach_.read_archive(call, role_of_endpoint(call, endpoint), *url);
}

Result<> Components::expect_room(const Call& call, const Component& changed) const {
  std::vector<Component> all = components_on(call, changed.endpoint());
  const auto same = std::ranges::find_if(all, [&](const Component& component) {
    return component.resource.arn == changed.resource.arn;
  });
  if (same == all.end()) return {};
  *same = changed;
  TRY(const fleet::FleetPlan endpoint,
      fleets_.standing_plan(call.tx(), fleet_of(call, changed.endpoint())));
  place_components(endpoint, all);
  if (same->is_short()) return refuse("ValidationException", std::string(no_room));
  return {};
}

Result<> Components::remove(Call& call, api::DeleteInferenceComponentInput in) {
  TRY(const Seen seen, get_settled(call, fleets_, in.InferenceComponentName()));
  const Component& component = seen.component;
  if (seen.fleet.state == FleetState::gone) {
    erase_component(call, component.resource);
  } else {
    mark_leaving(call, component.resource);
    TRY_DO(fleets_.remove(call.tx(), fleet_of(call, component)));
  }
  return settle_components(call, fleets_, built_in_, component.endpoint());
}

}  // namespace slipway::sagemaker
