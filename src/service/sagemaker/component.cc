#include "service/sagemaker/component.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "service/errors.h"
#include "service/resource_key.h"
#include "service/sagemaker/deployment.h"

namespace slipway::sagemaker {

namespace api = aws::sagemaker;
using service::refuse;

namespace {

constexpr std::uint64_t bytes_per_mib = 1024 * 1024;

std::string slots_text(const std::vector<std::uint32_t>& slots) {
  return fmt::format("{}", fmt::join(slots, " "));
}

std::vector<std::uint32_t> slots_from(std::string_view text) {
  std::vector<std::uint32_t> slots;
  while (!text.empty()) {
    std::uint32_t slot = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
    if (error != std::errc()) break;
    slots.push_back(slot);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  return slots;
}

std::optional<Component> component_of(const Call& call, Resource resource) {
  auto given = document_of<api::CreateInferenceComponentInput>(call, resource);
  if (!given) return std::nullopt;
  auto rows = call.tx().query("SELECT slots FROM sagemaker_component WHERE arn=?1", resource.arn);
  if (!rows.next()) return std::nullopt;
  return Component{
      .resource = std::move(resource), .given = *given, .slots = slots_from(rows.text(0))};
}

fleet::Claim claim_of(const Component& component) {
  const auto needs = component.given.Specification().ComputeResourceRequirements();
  const bool evenly =
      component.given.Specification().SchedulingConfig().PlacementStrategy() == "SPREAD";
  return {.each = {.cpus = needs.NumberOfCpuCoresRequired().value_or(0),
                   .memory_mib = static_cast<std::uint64_t>(needs.MinMemoryRequiredInMb()),
                   .accelerators = needs.NumberOfAcceleratorDevicesRequired().value_or(0)},
          .wanted = component.copies(),
          // Packed unless asked otherwise: a choice, for AWS does not say; it keeps room in one
          // piece for the next component.
          .spread = evenly ? fleet::Spread::evenly : fleet::Spread::pack,
          .start = fleet::Claim::Start::whole_or_none,
          .slots = component.slots};
}

// What DescribeInferenceComponent says of one generation: its variant and its specification.
Result<std::string> face_of(const Call& call, const Component& component) {
  const auto given = component.given.Specification();
  api::DescribeInferenceComponentOutput face(call.arena());
  auto summary = face.make_Specification();
  wire::echo(given, summary);
  if (given.DataCacheConfig())
    summary.make_DataCacheConfig().EnableCaching(given.DataCacheConfig().EnableCaching());
  if (given.Container()) {
    auto container = summary.make_Container();
    wire::echo(given.Container(), container);
    if (given.Container().Image())
      container.make_DeployedImage()
          .SpecifiedImage(*given.Container().Image())
          .ResolvedImage(*given.Container().Image())
          .ResolutionTime(call.now());
  }
  return wire::to_json(face);
}

}  // namespace

std::string role_of_endpoint(const Call& call, std::string_view endpoint) {
  const auto deployment = find_deployment(call, arn_of(call, endpoint_kind, endpoint));
  if (!deployment) return {};
  const auto face = wire::from_json<api::DescribeEndpointOutput>(deployment->wanted, call.arena());
  if (!face) return {};
  const auto config = find(call, endpoint_config_kind, face->EndpointConfigName().value_or(""));
  if (!config) return {};
  const auto given = document_of<api::CreateEndpointConfigInput>(call, *config);
  return given ? std::string(given->ExecutionRoleArn().value_or("")) : std::string();
}

routing::FleetId fleet_of(const Call& call, const Component& component) {
  return {service::component_key(call.caller(), component.endpoint(), component.resource.name)};
}

std::optional<Component> find_component(const Call& call, std::string_view name) {
  auto resource = find(call, component_kind, name);
  if (!resource) return std::nullopt;
  return component_of(call, *std::move(resource));
}

std::vector<Component> components_on(const Call& call, std::string_view endpoint) {
  std::vector<Component> components;
  auto rows = call.tx().query(
      "SELECT arn FROM sagemaker_component WHERE endpoint=?1 "
      "AND arn NOT IN (SELECT arn FROM sagemaker_leaving)",
      arn_of(call, endpoint_kind, endpoint));
  while (rows.next())
    if (auto resource = service::find_resource(call.tx(), rows.text(0)))
      if (auto component = component_of(call, *std::move(resource)))
        components.push_back(*std::move(component));
  std::ranges::sort(components, {}, [](const Component& each) {
    return std::pair(each.resource.created, each.resource.name);
  });
  return components;
}

Result<Component> add_component(const Call& call, const api::CreateInferenceComponentInput& given) {
  TRY(const Resource resource,
      create(call, component_kind, given.InferenceComponentName(), wire::to_json(given)));
  call.tx().run("INSERT INTO sagemaker_component VALUES(?1,?2,'')", resource.arn,
                arn_of(call, endpoint_kind, given.EndpointName()));
  return Component{.resource = resource, .given = given, .slots = {}};
}

void save_component(const Call& call, const Component& component) {
  call.tx().run("UPDATE sagemaker_component SET slots=?2 WHERE arn=?1", component.resource.arn,
                slots_text(component.slots));
  Resource changed = component.resource;
  changed.document = wire::to_json(component.given);
  put_document(call, component_kind, changed);
}

void erase_component(const Call& call, const Resource& resource) {
  remove_deployment(call, resource.arn);
  call.tx().run("DELETE FROM sagemaker_component WHERE arn=?1", resource.arn);
  (void)remove(call, component_kind, resource.name);
}

void place_components(const fleet::FleetPlan& endpoint, std::span<Component> components) {
  std::map<std::string_view, std::vector<Component*>> by_variant;
  for (Component& component : components) by_variant[component.variant()].push_back(&component);
  for (const auto& [name, owners] : by_variant) {
    const auto variant = std::ranges::find(endpoint.variants, name, &fleet::Variant::name);
    fleet::Machines machines;
    if (variant != endpoint.variants.end() && variant->machines() != nullptr)
      machines = *variant->machines();
    std::vector<fleet::Claim> claims;
    for (const Component* owner : owners) claims.push_back(claim_of(*owner));
    fleet::place(machines, claims);
    for (std::size_t i = 0; i < owners.size(); ++i) owners[i]->slots = std::move(claims[i].slots);
  }
}

Result<> settle_components(Call& call, fleet::Fleets& fleets, const BuiltInImages& built_in,
                           std::string_view endpoint) {
  std::vector<Component> components = components_on(call, endpoint);
  if (components.empty()) return {};
  TRY(const fleet::FleetPlan plan, fleets.standing_plan(call.tx(), fleet_of(call, endpoint)));
  std::vector<std::size_t> before;
  for (const Component& component : components) before.push_back(component.slots.size());
  place_components(plan, components);
  for (std::size_t i = 0; i < components.size(); ++i) {
    const Component& component = components[i];
    call.tx().run("UPDATE sagemaker_component SET slots=?2 WHERE arn=?1", component.resource.arn,
                  slots_text(component.slots));
    const bool deployed = find_deployment(call, component.resource.arn).has_value();
    if (!deployed && component.is_short()) continue;
    if (!deployed) TRY_DO(deploy_component(call, fleets, built_in, component));
    if (!deployed || component.slots.size() == before[i]) continue;
    const fleet::VariantChange change{
        .name = std::string(component.variant()),
        .weight = {},
        .instances = static_cast<std::uint32_t>(component.slots.size())};
    TRY_DO(fleets.set_weights_and_counts(call.tx(), fleet_of(call, component), {&change, 1}));
  }
  return {};
}

Result<> deploy_component(Call& call, fleet::Fleets& fleets, const BuiltInImages& built_in,
                          const Component& component) {
  TRY(ContainerProgram container, program_of(call, built_in, component.given.Specification()));
  const std::string role = role_of_endpoint(call, component.endpoint());
  if (container.program.acts_as.empty()) act_as(call, role, container.program);
  if (!component.given.Specification().ModelName())
    TRY_DO(read_for(call, role, component.resource.maker, container));
  fleet::FleetPlan plan;
  // The choice among copies by load is Slipway's; AWS does not say how it chooses.
  const fleet::SingleModel copies{.instances = static_cast<std::uint32_t>(component.slots.size()),
                                  .at_zero = fleet::AtZero::refuse,
                                  .balancing = routing::Balancing::least_outstanding};
  plan.variants.push_back({.name = std::string(component.variant()),
                           .serving = serving_of(std::move(container.models), copies),
                           .program = std::move(container.program)});
  TRY_DO(apply_stream_alignment(call, component.resource.arn, plan));
  const routing::FleetId id = fleet_of(call, component);
  const fleet::FleetStatus status = fleets.outline(call.tx(), id);
  const auto former = find_deployment(call, component.resource.arn);
  TRY(const auto generation, fleets.put_plan(call.tx(), id, plan));
  TRY(std::string face, face_of(call, component));
  put_deployment(call, component.resource.arn,
                 {.generation = generation,
                  .wanted = std::move(face),
                  .former = !former || status.serving() == 0 ? std::nullopt
                            : status.serving() == former->generation || !former->former
                                ? std::optional(former->wanted)
                                : former->former,
                  .started = call.now()});
  return {};
}

Result<ContainerProgram> program_of(const Call& call, const BuiltInImages& built_in,
                                    const api::InferenceComponentSpecification& given) {
  api::ContainerDefinition container(call.arena());
  std::string_view role;
  std::string maker;
  if (given.ModelName()) {
    TRY(LoneContainer of_model, container_of_model(call, *given.ModelName()));
    container = of_model.container;
    role = of_model.role;
    maker = std::move(of_model.maker);
  } else {
    container.Image(*given.Container().Image());
    if (given.Container().ArtifactUrl()) container.ModelDataUrl(*given.Container().ArtifactUrl());
    container.Environment(given.Container().Environment());
  }
  TRY(ContainerProgram made, program_of(built_in, container));
  fleet::Program& program = made.program;
  act_as(call, role, program);
  TRY_DO(read_for(call, role, maker, made));  // of its own container: deploy_component()
  const auto startup = given.StartupParameters();
  if (const auto limit = startup.ContainerStartupHealthCheckTimeoutInSeconds())
    program.startup_timeout = std::chrono::seconds(*limit);
  if (const auto limit = startup.ModelDataDownloadTimeoutInSeconds())
    program.download_timeout = std::chrono::seconds(*limit);
  if (const auto limit = given.ComputeResourceRequirements().MaxMemoryRequiredInMb())
    program.memory_bytes_max = static_cast<std::uint64_t>(*limit) * bytes_per_mib;
  return made;
}

}  // namespace slipway::sagemaker
