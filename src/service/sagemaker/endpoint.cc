#include <fmt/format.h>

#include <algorithm>

#include "service/errors.h"
#include "service/sagemaker/async_config.h"
#include "service/sagemaker/component.h"
#include "service/sagemaker/deployment.h"
#include "service/sagemaker/operations.h"
#include "service/sagemaker/plan.h"
#include "service/sagemaker/quota.h"
#include "service/sagemaker/resources.h"
#include "service/sagemaker/serverless.h"

namespace slipway::sagemaker {
namespace {

using fleet::FleetState;
using fleet::FleetStatus;
using service::refuse;

std::string_view status_name(FleetState state) {
  switch (state) {
    case FleetState::creating: return "Creating";
    case FleetState::ready: return "InService";
    case FleetState::updating: return "Updating";
    case FleetState::update_failed: return "InService";
    case FleetState::failed: return "Failed";
    case FleetState::removing: return "Deleting";
    case FleetState::gone: return "Deleting";
  }
  return "OutOfService";
}

bool is_transitional(FleetState state) {
  return state == FleetState::creating || state == FleetState::updating ||
         state == FleetState::removing;
}

Timestamp last_modified(const Resource& resource, const FleetStatus& status) {
  return std::max(resource.modified, status.changed_at);
}

// An endpoint with everything that is known of it.
struct Endpoint {
  Resource resource;
  Deployment deployment;
  FleetStatus status;
};

// Absent where there is none, or where a deleted one has ended.
std::optional<Endpoint> find_endpoint(const Call& call, const fleet::Fleets& fleets,
                                      std::string_view name) {
  auto resource = find(call, endpoint_kind, name);
  if (!resource) return std::nullopt;
  auto deployment = find_deployment(call, resource->arn);
  if (!deployment) return std::nullopt;
  FleetStatus status = fleets.status(call.tx(), fleet_of(call, name));
  if (status.state == FleetState::gone) return std::nullopt;
  return Endpoint{*std::move(resource), *std::move(deployment), std::move(status)};
}

Result<Endpoint> get_endpoint(const Call& call, const fleet::Fleets& fleets,
                              std::string_view name) {
  if (auto endpoint = find_endpoint(call, fleets, name)) return *std::move(endpoint);
  return refuse("ValidationException",
                fmt::format("Could not find endpoint \"{}\".", arn_of(call, endpoint_kind, name)));
}

Result<Endpoint> get_settled_endpoint(const Call& call, const fleet::Fleets& fleets,
                                      std::string_view name) {
  TRY(Endpoint endpoint, get_endpoint(call, fleets, name));
  if (is_transitional(endpoint.status.state))
    return refuse("ValidationException",
                  fmt::format("Cannot update in-progress endpoint \"{}\".", endpoint.resource.arn));
  return endpoint;
}

// "DeleteEndpoint is the only operation that can be performed on a failed endpoint."
Result<Endpoint> get_updatable_endpoint(const Call& call, const fleet::Fleets& fleets,
                                        std::string_view name) {
  TRY(Endpoint endpoint, get_settled_endpoint(call, fleets, name));
  if (endpoint.status.state == FleetState::failed)
    return refuse("ValidationException",
                  fmt::format("Cannot update endpoint \"{}\" in status Failed. DeleteEndpoint is "
                              "the only operation that can be performed on a failed endpoint.",
                              endpoint.resource.arn));
  return endpoint;
}

struct Config {
  api::CreateEndpointConfigInput given;
  std::string maker;
};
Result<Config> config_named(const Call& call, std::string_view name) {
  TRY(Resource config, get(call, endpoint_config_kind, name));
  TRY(const auto given, document_of<api::CreateEndpointConfigInput>(call, config));
  return Config{given, std::move(config.maker)};
}

// The rows of endpoints that were deleted and have ended since.
void sweep_ended(const Call& call, const fleet::Fleets& fleets) {
  for (const Resource& resource : leaving(call, endpoint_kind)) {
    if (find_endpoint(call, fleets, resource.name)) continue;
    remove_deployment(call, resource.arn);
    (void)remove(call, endpoint_kind, resource.name);
  }
}

bool serves_wanted(const Endpoint& endpoint) {
  return endpoint.status.serving() == 0 ||
         endpoint.status.serving() == endpoint.deployment.generation;
}

// The document of the deployment that clients see: the one that serves, else the wanted one.
const std::string& seen_document(const Endpoint& endpoint) {
  const Deployment& deployment = endpoint.deployment;
  return serves_wanted(endpoint) || !deployment.former ? deployment.wanted : *deployment.former;
}

// What is being done to a variant that serves; empty: nothing.
std::string_view stage_of(FleetState state, const fleet::VariantStatus& variant) {
  if (state == FleetState::removing) return "Deleting";
  const bool follows_demand = variant.elastic_current.has_value();
  const bool has_all = follows_demand ? variant.instances_current >= variant.instances_wanted
                                      : variant.instances_current == variant.instances_wanted;
  return state == FleetState::updating && !has_all ? "Updating" : std::string_view();
}

// A variant as it is now, in the deployment that clients see.
void fill_seen(api::ProductionVariantSummary variant, const Endpoint& endpoint) {
  const FleetStatus& status = endpoint.status;
  const auto found =
      std::ranges::find(status.variants, variant.VariantName(), &fleet::VariantStatus::name);
  if (found == status.variants.end()) return;
  variant.CurrentWeight(found->weight_current)
      .DesiredWeight(found->weight_wanted)
      .CurrentInstanceCount(found->instances_current)
      .DesiredInstanceCount(found->instances_wanted);
  fill_serverless(variant, *found);
  if (status.state == FleetState::updating && !serves_wanted(endpoint)) return;
  if (const auto stage = stage_of(status.state, *found); !stage.empty())
    variant.add_VariantStatus().Status(stage).StartTime(endpoint.resource.modified);
}

// By variant, what it waits for (Fleets::coming_up).
using Waits = std::map<std::string, std::string, std::less<>>;

// What a variant of the deployment that is on its way will be.
void fill_coming(api::PendingProductionVariantSummary variant, const fleet::FleetPlan& plan,
                 const Waits& waits, Timestamp started) {
  const auto waits_for = waits.find(variant.VariantName());
  auto stage = variant.add_VariantStatus().Status("Creating").StartTime(started);
  if (waits_for != waits.end()) stage.StatusMessage(waits_for->second);
  const auto found =
      std::ranges::find(plan.variants, variant.VariantName(), &fleet::Variant::variant);
  if (found == plan.variants.end()) return;
  variant.DesiredWeight(found->weight)
      .DesiredInstanceCount(static_cast<std::int32_t>(fleet::standing_instances(*found)));
}

// Of a variant that serves: the serverless limits that the wanted deployment has for it, if any.
void fill_next_limits(api::ProductionVariantSummary variant,
                      const api::DescribeEndpointOutput& wanted) {
  variant.DesiredServerlessConfig({});
  for (const auto next : wanted.ProductionVariants())
    if (next.VariantName() == variant.VariantName())
      variant.DesiredServerlessConfig(next.DesiredServerlessConfig());
}

// What is on its way: while the former deployment still serves, or the first one comes up.
Result<> fill_pending(const Call& call, const fleet::Fleets& fleets, const Endpoint& endpoint,
                      api::DescribeEndpointOutput& out) {
  const bool first = endpoint.status.state == FleetState::creating;
  const bool next = endpoint.status.state == FleetState::updating && !serves_wanted(endpoint);
  if (!first && !next) return {};
  TRY(const auto wanted,
      wire::from_json<api::DescribeEndpointOutput>(endpoint.deployment.wanted, call.arena()));
  TRY(const fleet::FleetPlan plan,
      fleets.standing_plan(call.tx(), fleet_of(call, endpoint.resource.name)));
  const Waits waits = fleets.coming_up(call.tx(), fleet_of(call, endpoint.resource.name));
  const Timestamp started = endpoint.deployment.started;
  auto pending = out.make_PendingDeploymentSummary();
  pending.EndpointConfigName(wanted.EndpointConfigName()).StartTime(started);
  for (const auto variant : wanted.ProductionVariants()) {
    auto summary = pending.add_ProductionVariants();
    wire::echo(variant, summary);
    fill_coming(summary, plan, waits, started);
  }
  for (const auto variant : wanted.ShadowProductionVariants()) {
    auto summary = pending.add_ShadowProductionVariants();
    wire::echo(variant, summary);
    fill_coming(summary, plan, waits, started);
  }
  if (next)
    for (const auto variant : out.ProductionVariants()) fill_next_limits(variant, wanted);
  return {};
}

// UpdateEndpoint with RetainAllVariantProperties: weights, counts and what is captured stay what
// they are, but for those that are excluded. `now`: what DescribeEndpoint says of them.
Result<> retain_properties(store::Transaction& tx, const fleet::Fleets& fleets,
                           const routing::FleetId& id, const api::UpdateEndpointInput& in,
                           fleet::FleetPlan& plan, const api::DescribeEndpointOutput& seen,
                           api::DescribeEndpointOutput& face) {
  if (!in.RetainAllVariantProperties().value_or(false)) return {};
  const auto excluded = [&](std::string_view property) {
    return std::ranges::any_of(in.ExcludeRetainedVariantProperties(), [&](const auto each) {
      return each.VariantPropertyType() == property;
    });
  };
  TRY(const fleet::FleetPlan now, fleets.standing_plan(tx, id));
  for (fleet::Variant& variant : plan.variants) {
    const auto kept = std::ranges::find(now.variants, variant.variant(), &fleet::Variant::variant);
    if (kept == now.variants.end()) continue;
    if (!excluded("DesiredWeight")) variant.weight = kept->weight;
    if (const auto count = fleet::count_of(*kept); count && !excluded("DesiredInstanceCount"))
      fleet::set_count(variant, *count);
  }
  if (!excluded("DataCaptureConfig")) {
    plan.capture = now.capture;
    face.DataCaptureConfig(seen.DataCaptureConfig());
  }
  return {};
}

Result<> expect_variants(const Call& call, const Endpoint& endpoint,
                         const wire::ListView<api::DesiredWeightAndCapacity>& wanted) {
  std::string missing;
  for (const auto each : wanted)
    if (std::ranges::find(endpoint.status.variants, each.VariantName(),
                          &fleet::VariantStatus::name) == endpoint.status.variants.end())
      missing += fmt::format("{}{}", missing.empty() ? "" : ", ", each.VariantName());
  if (missing.empty()) return {};
  TRY(const auto seen,
      wire::from_json<api::DescribeEndpointOutput>(seen_document(endpoint), call.arena()));
  return refuse("ValidationException",
                fmt::format("The variant name(s) \"{}\" is/are not present within endpoint "
                            "configuration \"{}\".",
                            missing, seen.EndpointConfigName().value_or("")));
}

std::string joined_names(const std::vector<Component>& components) {
  std::string names;
  for (const Component& component : components)
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", component.resource.name);
  return names;
}

// An endpoint goes after its components. AWS refuses too; its words are not known.
Result<> expect_no_components(const Call& call, const Endpoint& endpoint) {
  const std::vector<Component> components = components_on(call, endpoint.resource.name);
  if (components.empty()) return {};
  return refuse(
      "ValidationException",
      fmt::format("Cannot delete endpoint \"{}\": it hosts the inference component(s) {}. "
                  "Delete them first.",
                  endpoint.resource.arn, joined_names(components)));
}

// Every component keeps a variant that takes it.
Result<> expect_places(const Call& call, const Endpoint& endpoint, const fleet::FleetPlan& plan) {
  std::vector<Component> homeless = components_on(call, endpoint.resource.name);
  std::erase_if(homeless, [&](const Component& component) {
    const auto variant =
        std::ranges::find(plan.variants, component.variant(), &fleet::Variant::name);
    return variant != plan.variants.end() && variant->machines() != nullptr;
  });
  if (homeless.empty()) return {};
  return refuse("ValidationException",
                fmt::format("Cannot update endpoint \"{}\": the new configuration has no variant "
                            "for the inference component(s) {}.",
                            endpoint.resource.arn, joined_names(homeless)));
}

Result<> expect_supported(const api::DeploymentConfig& config) {
  const auto policy = config.BlueGreenUpdatePolicy();
  const auto kind = policy.TrafficRoutingConfiguration().Type();
  if (config.RollingUpdatePolicy() || config.AutoRollbackConfiguration() ||
      (policy && kind != "ALL_AT_ONCE"))
    return refuse("ValidationException",
                  "DeploymentConfig: only a blue/green update with ALL_AT_ONCE is supported by "
                  "this version of Slipway.");
  return {};
}

}  // namespace

Result<api::CreateEndpointOutput> Endpoints::create(Call& call, api::CreateEndpointInput in) {
  sweep_ended(call, fleets_);
  TRY_DO(expect_supported(in.DeploymentConfig()));
  TRY(const Config named, config_named(call, in.EndpointConfigName()));
  const auto& config = named.given;
  TRY(fleet::FleetPlan plan, fleet_plan(call, built_in_, config, named.maker));
  TRY(auto face, deployment_face(call, config));
  if (in.DeploymentConfig()) face.LastDeploymentConfig(in.DeploymentConfig());
  TRY(const Resource endpoint,
      sagemaker::create(call, endpoint_kind, in.EndpointName(), wire::to_json(in)));
  TRY_DO(put_tags(call, endpoint.arn, in.Tags()));
  TRY_DO(apply_stream_alignment(call, endpoint.arn, plan));
  const routing::FleetId id = fleet_of(call, in.EndpointName());
  TRY(const auto generation,
      in_quota_words(fleets_.put_plan(call.tx(), id, plan), largest_type(config)));
  TRY_DO(open_queue(call, queues_, id, config, plan));
  put_deployment(call, endpoint.arn,
                 {.generation = generation,
                  .wanted = wire::to_json(face),
                  .former = std::nullopt,
                  .started = call.now()});
  return call.output<api::CreateEndpointOutput>().EndpointArn(endpoint.arn);
}

Result<api::DescribeEndpointOutput> Endpoints::describe(Call& call, api::DescribeEndpointInput in) {
  TRY(const Endpoint endpoint, get_endpoint(call, fleets_, in.EndpointName()));
  const FleetStatus& status = endpoint.status;
  TRY(auto out,
      wire::from_json<api::DescribeEndpointOutput>(seen_document(endpoint), call.arena()));
  out.EndpointName(endpoint.resource.name)
      .EndpointArn(endpoint.resource.arn)
      .EndpointStatus(status_name(status.state))
      .CreationTime(endpoint.resource.created)
      .LastModifiedTime(last_modified(endpoint.resource, status));
  if (!status.reason.empty()) out.FailureReason(status.reason);
  if (status.state == FleetState::creating || status.state == FleetState::failed) {
    out.ProductionVariants({});  // as on AWS: there once something has served
    out.ShadowProductionVariants({});
  }
  for (const auto variant : out.ProductionVariants()) fill_seen(variant, endpoint);
  for (const auto variant : out.ShadowProductionVariants()) fill_seen(variant, endpoint);
  TRY_DO(fill_pending(call, fleets_, endpoint, out));
  if (is_transitional(status.state))
    call.wait_for(fleet::topic_of(fleet_of(call, in.EndpointName())));
  return out;
}

Result<api::ListEndpointsOutput> Endpoints::list(Call& call, api::ListEndpointsInput in) {
  ResourceListQuery query = list_query(call, in);
  query.modified_before = in.LastModifiedTimeBefore();
  query.modified_after = in.LastModifiedTimeAfter();
  query.status_equals = in.StatusEquals();
  const auto look = [&](ListedResource& item) {
    const FleetStatus status = fleets_.outline(call.tx(), fleet_of(call, item.resource.name));
    item.status = status_name(status.state);
    item.resource.modified = last_modified(item.resource, status);
    return status.state != FleetState::gone;
  };
  TRY(const ResourceListPage page, sagemaker::list(call, endpoint_kind, query, look));
  auto out = call.output<api::ListEndpointsOutput>();
  out.Endpoints(wire::empty);
  for (const ListedResource& item : page.items)
    out.add_Endpoints()
        .EndpointName(item.resource.name)
        .EndpointArn(item.resource.arn)
        .CreationTime(item.resource.created)
        .LastModifiedTime(item.resource.modified)
        .EndpointStatus(item.status);
  if (page.next_token) out.NextToken(*page.next_token);
  return out;
}

Result<api::UpdateEndpointOutput> Endpoints::update(Call& call, api::UpdateEndpointInput in) {
  TRY_DO(expect_supported(in.DeploymentConfig()));
  TRY(const Endpoint endpoint, get_updatable_endpoint(call, fleets_, in.EndpointName()));
  TRY(const Config named, config_named(call, in.EndpointConfigName()));
  const auto& config = named.given;
  TRY(fleet::FleetPlan plan, fleet_plan(call, built_in_, config, named.maker));
  TRY(auto face, deployment_face(call, config));
  if (in.DeploymentConfig()) face.LastDeploymentConfig(in.DeploymentConfig());
  const routing::FleetId id = fleet_of(call, in.EndpointName());
  TRY(const fleet::FleetPlan plan_now, fleets_.standing_plan(call.tx(), id));
  TRY_DO(check_conversion(plan_now, plan));
  TRY(const auto seen,
      wire::from_json<api::DescribeEndpointOutput>(seen_document(endpoint), call.arena()));
  TRY_DO(retain_properties(call.tx(), fleets_, id, in, plan, seen, face));
  TRY_DO(apply_stream_alignment(call, endpoint.resource.arn, plan));
  TRY_DO(expect_places(call, endpoint, plan));
  TRY_DO(expect_same_access(call, id, config));
  TRY(const auto generation,
      in_quota_words(fleets_.put_plan(call.tx(), id, plan), largest_type(config)));
  TRY_DO(change_queue(call, queues_, id, generation, config, plan));
  TRY_DO(settle_components(call, fleets_, built_in_, in.EndpointName()));
  const bool something_serves = endpoint.status.serving() != 0;
  put_deployment(
      call, endpoint.resource.arn,
      {.generation = generation,
       .wanted = wire::to_json(face),
       .former = something_serves ? std::optional(seen_document(endpoint)) : std::nullopt,
       .started = call.now()});
  touch(call, endpoint_kind, in.EndpointName());
  return call.output<api::UpdateEndpointOutput>().EndpointArn(endpoint.resource.arn);
}

Result<api::UpdateEndpointWeightsAndCapacitiesOutput> Endpoints::update_weights_and_capacities(
    Call& call, api::UpdateEndpointWeightsAndCapacitiesInput in) {
  TRY(const Endpoint endpoint, get_updatable_endpoint(call, fleets_, in.EndpointName()));
  TRY_DO(expect_variants(call, endpoint, in.DesiredWeightsAndCapacities()));
  std::vector<fleet::VariantChange> changes;
  for (const auto wanted : in.DesiredWeightsAndCapacities()) {
    fleet::VariantChange change{
        .name = std::string(wanted.VariantName()), .weight = {}, .instances = {}};
    if (const auto weight = wanted.DesiredWeight()) change.weight = *weight;
    if (const auto count = wanted.DesiredInstanceCount())
      change.instances = static_cast<std::uint32_t>(*count);
    const auto& variants = endpoint.status.variants;
    TRY_DO(take_serverless_update(
        wanted, *std::ranges::find(variants, wanted.VariantName(), &fleet::VariantStatus::name),
        change));
    changes.push_back(std::move(change));
  }
  TRY_DO(in_quota_words(
      fleets_.set_weights_and_counts(call.tx(), fleet_of(call, in.EndpointName()), changes), {}));
  TRY_DO(settle_components(call, fleets_, built_in_, in.EndpointName()));
  if (!serves_wanted(endpoint))  // the update that failed is given up for good
    put_deployment(call, endpoint.resource.arn,
                   {.generation = endpoint.status.serving(),
                    .wanted = seen_document(endpoint),
                    .former = std::nullopt,
                    .started = endpoint.deployment.started});
  touch(call, endpoint_kind, in.EndpointName());
  return call.output<api::UpdateEndpointWeightsAndCapacitiesOutput>().EndpointArn(
      endpoint.resource.arn);
}

Result<> Endpoints::remove(Call& call, api::DeleteEndpointInput in) {
  TRY(const Endpoint endpoint, get_settled_endpoint(call, fleets_, in.EndpointName()));
  TRY_DO(expect_no_components(call, endpoint));
  mark_leaving(call, endpoint.resource);
  touch(call, endpoint_kind, in.EndpointName());
  queues_.close(call.tx(), fleet_of(call, in.EndpointName()).text);
  return fleets_.remove(call.tx(), fleet_of(call, in.EndpointName()));
}

}  // namespace slipway::sagemaker
