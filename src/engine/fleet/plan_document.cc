// The stored form of a plan: the fields of each struct in it, in their order (store/document.h).
#include <fmt/format.h>

#include <utility>
#include <variant>

#include "engine/fleet/plan.h"
#include "store/document.h"

namespace slipway::artifacts {

void fields(auto& field, store::Of<Artifact> auto& artifact) {
  field("uri", artifact.uri);
  field("form", store::numbered(artifact.form, Artifact::Form::prefix));
  field("reader", artifact.reader, store::Presence::added_later);
}

}  // namespace slipway::artifacts

namespace slipway::residency {

void fields(auto& field, store::Of<ModelCollection> auto& models) {
  field("uri", models.uri);
  field("form", store::numbered(models.form, artifacts::Artifact::Form::prefix));
  field("kept", models.kept);
  field("loaded_max", models.loaded_max);
  field("reader", models.reader, store::Presence::added_later);
}

}  // namespace slipway::residency

namespace slipway::routing {

void fields(auto& field, store::Of<Elastic> auto& elastic) {
  field("concurrency_max", elastic.concurrency_max);
  field("provisioned", elastic.provisioned);
  field("requests_per_instance", elastic.requests_per_instance);
  field("body_bytes_max", elastic.body_bytes_max);
}

void fields(auto& field, store::Of<CapturePlan> auto& capture) {
  field("destination", capture.destination);
  field("percent", capture.percent);
  field("input", capture.input);
  field("output", capture.output);
  field("csv_types", capture.csv_types);
  field("json_types", capture.json_types);
}

}  // namespace slipway::routing

namespace slipway::fleet {

void fields(auto& field, store::Of<Code> auto& code) {
  field("artifact", code.artifact);
  field("variable", code.variable);
}

// A probe by its name, with what it asks for.
struct StoredProbe {
  std::string kind;
  std::string path;
};

void fields(auto& field, store::Of<StoredProbe> auto& probe) {
  field("kind", probe.kind);
  field("path", probe.path, store::Presence::if_any);
}

namespace {

StoredProbe stored_probe(const Probe& probe) {
  if (const auto* http = std::get_if<HttpProbe>(&probe)) return {"http", http->path};
  return {std::holds_alternative<TcpProbe>(probe) ? "tcp" : "none", ""};
}

Result<Probe> probe_of(const StoredProbe& stored) {
  if (stored.kind == "http") return HttpProbe{.path = stored.path};
  if (stored.kind == "tcp") return TcpProbe();
  if (stored.kind == "none") return NoProbe();
  return fail(ErrorCode::corrupted, "it is of no kind that is known");
}

bool runs_something(const Program& program) {
  return !program.built_in.empty() || !program.image.empty();
}

}  // namespace

void fields(auto& field, store::Of<Contract> auto& contract) {
  field("model_path", contract.model_path);
  field("models_path", contract.models_path);
  field("code_path", contract.code_path);
  field("default_arguments", contract.default_arguments);
  field("ports", contract.ports);
  field("probe", store::converted(contract.probe, stored_probe, probe_of));
  field("request_method", contract.request.method);
  field("request_path", contract.request.path);
  field("request_models_path", contract.request.models_path);
}

// The collection of models of a variant that has many stands with its program.
struct StoredProgram {
  Program program;
  std::optional<residency::ModelCollection> models;
};

// A program that is none (of machines) has no contract.
void fields(auto& field, store::Of<StoredProgram> auto& stored) {
  using enum store::Presence;
  auto& program = stored.program;
  field("built_in", program.built_in);
  field("image", program.image);
  field("arguments", program.arguments);
  field("environment", program.environment);
  field("acts_as", program.acts_as, added_later);
  field("model", program.model);
  field("models", stored.models, added_later);
  field("code", program.code, added_later);
  field("startup_timeout_s", program.startup_timeout);
  field("download_timeout_s", program.download_timeout);
  field("memory_bytes_max", program.memory_bytes_max);
  if (runs_something(program)) field("contract", program.contract);
}

void fields(auto& field, store::Of<Resources> auto& resources) {
  field("cpus", resources.cpus);
  field("memory_mib", resources.memory_mib);
  field("accelerators", resources.accelerators);
}

enum class StoredExecution : std::uint8_t { single, serial, direct };

// A variant with the fields of all kinds of serving side by side; those of another kind than its
// own say nothing. What not every variant has is written only where it is there.
struct StoredVariant {
  std::string name;
  double weight = 1.0;
  std::uint32_t instances = 0;
  routing::Balancing balancing = routing::Balancing::random;
  StoredProgram program = {};
  std::optional<routing::Elastic> elastic = {};
  bool refuses_at_zero = false;
  std::optional<Resources> offers = {};
  StoredExecution execution = StoredExecution::single;
  std::string container = {};
  routing::Audience audience = routing::Audience::callers;
};

void fields(auto& field, store::Of<StoredVariant> auto& variant) {
  using enum store::Presence;
  field("name", variant.name);
  field("weight", variant.weight);
  field("instances", variant.instances);
  field("routing", store::numbered(variant.balancing, routing::Balancing::least_outstanding));
  field("program", variant.program);
  field("elastic", variant.elastic, if_any);
  field("refuses_at_zero", variant.refuses_at_zero, if_any);
  field("offers", variant.offers, if_any);
  field("execution", store::numbered(variant.execution, StoredExecution::direct), if_any);
  field("container", variant.container, if_any);
  field("audience", store::numbered(variant.audience, routing::Audience::shadow), if_any);
}

namespace {

// Puts each kind's own into the fields of them all.
struct ToStored {
  StoredVariant& to;

  void operator()(const SingleModel& kind) const {
    to.instances = kind.instances;
    to.refuses_at_zero = kind.at_zero == AtZero::refuse;
    to.balancing = kind.balancing;
  }
  void operator()(const MultiModel& kind) const {
    to.program.models = kind.models;
    to.instances = kind.instances;
    to.refuses_at_zero = kind.at_zero == AtZero::refuse;
  }
  void operator()(const SerialContainer& kind) const { put(StoredExecution::serial, kind); }
  void operator()(const DirectContainer& kind) const { put(StoredExecution::direct, kind); }
  void operator()(const routing::Elastic& kind) const { to.elastic = kind; }
  void operator()(const Machines& kind) const {
    to.offers = kind.each;
    to.instances = kind.count;
  }

 private:
  void put(StoredExecution execution, const auto& kind) const {
    to.execution = execution;
    to.container = kind.container;
    to.instances = kind.instances;
    to.balancing = kind.balancing;
  }
};

std::vector<StoredVariant> stored_variants(const std::vector<Variant>& variants) {
  std::vector<StoredVariant> stored;
  stored.reserve(variants.size());
  for (const Variant& variant : variants) {
    StoredVariant& to = stored.emplace_back();
    to = {.name = variant.name, .weight = variant.weight, .audience = variant.audience};
    to.program.program = variant.program;
    std::visit(ToStored{to}, variant.serving);
  }
  return stored;
}

// Refuses fields that no one kind has: their variant would be another than whoever wrote it meant.
Result<Serving> serving_of(StoredVariant& stored) {
  const bool several = stored.execution != StoredExecution::single;
  auto& models = stored.program.models;
  if (several + stored.elastic.has_value() + stored.offers.has_value() + models.has_value() > 1 ||
      several == stored.container.empty())
    return fail(ErrorCode::corrupted, fmt::format("'{}' serves in no one way", stored.name));
  const AtZero at_zero = stored.refuses_at_zero ? AtZero::refuse : AtZero::hold;
  if (stored.elastic) return *stored.elastic;
  if (stored.offers) return Machines{.each = *stored.offers, .count = stored.instances};
  if (models)
    return MultiModel{
        .models = *std::move(models), .instances = stored.instances, .at_zero = at_zero};
  if (stored.execution == StoredExecution::serial)
    return SerialContainer{std::move(stored.container), stored.instances, stored.balancing};
  if (stored.execution == StoredExecution::direct)
    return DirectContainer{std::move(stored.container), stored.instances, stored.balancing};
  return SingleModel{
      .instances = stored.instances, .at_zero = at_zero, .balancing = stored.balancing};
}

Result<std::vector<Variant>> variants_of(std::vector<StoredVariant> stored) {
  std::vector<Variant> variants;
  variants.reserve(stored.size());
  for (StoredVariant& each : stored) {
    TRY(Serving serving, serving_of(each));
    variants.push_back({.name = std::move(each.name),
                        .weight = each.weight,
                        .audience = each.audience,
                        .serving = std::move(serving),
                        .program = std::move(each.program.program)});
  }
  return variants;
}

}  // namespace

void fields(auto& field, store::Of<FleetPlan> auto& plan) {
  using enum store::Presence;
  field.version(1);
  field("request_timeout_ms", plan.request_timeout);
  field("part_border", store::numbered(plan.part_border, routing::PartBorder::event), added_later);
  field("access", store::numbered(plan.access, routing::Access::queued), added_later);
  field("variants", store::converted(plan.variants, stored_variants, variants_of));
  field("capture", plan.capture, if_any);
  field("writers", plan.writers, if_any);
}

std::string to_text(const FleetPlan& plan) { return store::write_document(plan); }

Result<FleetPlan> plan_from_text(std::string_view text) {
  return store::read_document<FleetPlan>("fleet plan", text);
}

}  // namespace slipway::fleet
