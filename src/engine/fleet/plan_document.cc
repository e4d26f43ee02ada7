// The stored form of a plan: the fields of each struct in it, in their order (store/document.h).
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

// A program that is none (of a variant that offers its instances) has no contract.
void fields(auto& field, store::Of<Program> auto& program) {
  using enum store::Presence;
  field("built_in", program.built_in);
  field("image", program.image);
  field("arguments", program.arguments);
  field("environment", program.environment);
  field("acts_as", program.acts_as, added_later);
  field("model", program.model);
  field("models", program.models, added_later);
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

// What not every variant has is written only where it is there.
void fields(auto& field, store::Of<Variant> auto& variant) {
  using enum store::Presence;
  const auto refuses = [](AtZero at_zero) { return at_zero == AtZero::refuse; };
  const auto at_zero = [](bool refuse) -> Result<AtZero> {
    return refuse ? AtZero::refuse : AtZero::hold;
  };
  field("name", variant.name);
  field("weight", variant.weight);
  field("instances", variant.instances);
  field("routing", store::numbered(variant.routing, routing::Balancing::least_outstanding));
  field("program", variant.program);
  field("elastic", variant.elastic, if_any);
  field("refuses_at_zero", store::converted(variant.at_zero, refuses, at_zero), if_any);
  field("offers", variant.offers, if_any);
  field("execution", store::numbered(variant.execution, routing::Execution::direct), if_any);
  field("container", variant.container, if_any);
  field("audience", store::numbered(variant.audience, routing::Audience::shadow), if_any);
}

void fields(auto& field, store::Of<FleetPlan> auto& plan) {
  using enum store::Presence;
  field.version(1);
  field("request_timeout_ms", plan.request_timeout);
  field("part_border", store::numbered(plan.part_border, routing::PartBorder::event), added_later);
  field("access", store::numbered(plan.access, routing::Access::queued), added_later);
  field("variants", plan.variants);
  field("capture", plan.capture, if_any);
  field("writers", plan.writers, if_any);
}

std::string to_text(const FleetPlan& plan) { return store::write_document(plan); }

Result<FleetPlan> plan_from_text(std::string_view text) {
  return store::read_document<FleetPlan>("fleet plan", text);
}

}  // namespace slipway::fleet
