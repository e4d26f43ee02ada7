#include "engine/fleet/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/json.h"

namespace slipway::fleet {

using engine::BadDocument;
using engine::number_of;
using engine::read_document;
using engine::text_of;

namespace json = boost::json;

namespace {

constexpr int plan_version = 1;

bool is_path(std::string_view path) { return path.starts_with('/'); }

std::unexpected<Error> bad_contract(const Variant& variant, std::string_view what) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("The contract of variant '{}' {}.", variant.name, what));
}

// Whether it says all that an instance of this program needs. Places give an instance one port.
Result<> check_contract(const Variant& variant) {
  const Program& program = variant.program;
  const Contract& contract = program.contract;
  if (program.model && !program.image.empty() && !is_path(contract.model_path))
    return bad_contract(variant, "does not say where its model is seen");
  if (program.models && (!is_path(contract.models_path) || !is_path(contract.request.models_path)))
    return bad_contract(variant, "does not say where its models are seen and asked");
  if (program.code && !program.image.empty() && !is_path(contract.code_path))
    return bad_contract(variant, "does not say where its code is seen");
  if (const auto* http = std::get_if<HttpProbe>(&contract.probe); http && !is_path(http->path))
    return bad_contract(variant, "does not say which path tells that it is healthy");
  if (contract.request.method.empty() || !is_path(contract.request.path))
    return bad_contract(variant, "does not say how it is asked");
  if (contract.ports.size() > 1)
    return bad_contract(variant, "has several ports, and places give an instance one");
  const bool probed = !std::holds_alternative<NoProbe>(contract.probe);
  if (probed && !program.image.empty() && contract.ports.empty())
    return bad_contract(variant, "names no port to be probed at");
  return {};
}

Result<> check_program(const Variant& variant) {
  const Program& program = variant.program;
  if (variant.offers) {
    if (program == Program{}) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' offers its instances to others and cannot run a program.",
                            variant.name));
  }
  if (program.built_in.empty() == program.image.empty())
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("Variant '{}' needs either a built-in image or an image.", variant.name));
  if (program.model && program.model->uri.empty())
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' has a model artifact without a URI.", variant.name));
  if (program.models && (program.model || program.models->uri.empty()))
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' has a collection of models without a URI, or a model "
                            "beside it.",
                            variant.name));
  if (program.code && (program.code->artifact.uri.empty() || program.code->variable.empty()))
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' has code without a URI or without a variable that tells "
                            "where it lies.",
                            variant.name));
  return check_contract(variant);
}

Result<> check_elastic(std::string_view name, const routing::Elastic& elastic) {
  if (elastic.concurrency_max == 0 || elastic.concurrency_max > instances_per_variant_max ||
      elastic.requests_per_instance == 0)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' must take 1 to {} requests at once.", name,
                            instances_per_variant_max));
  if (elastic.provisioned > elastic.concurrency_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' provisions for {} requests at once and takes at most {}.",
                            name, elastic.provisioned, elastic.concurrency_max));
  return {};
}

// A name is a segment of instance keys, so it holds no '/'.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= variant_name_bytes_max &&
         name.find('/') == std::string_view::npos;
}

// A container's name ends that of its variant: "<variant>.<container>".
bool is_named_well(const Variant& variant) {
  const std::string_view of = variant.variant();
  if (!is_name(of)) return false;
  if (variant.execution == routing::Execution::single) return variant.container.empty();
  return is_name(variant.container) &&
         variant.name.size() == of.size() + 1 + variant.container.size() &&
         variant.name.ends_with("." + variant.container);
}

Result<> check_variant(const Variant& variant) {
  if (!is_named_well(variant))
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name for a variant: it has 1 to {} bytes and no '/'.",
                            variant.name, variant_name_bytes_max));
  if (!std::isfinite(variant.weight) || variant.weight < 0)
    return fail(ErrorCode::invalid_argument,
                fmt::format("The weight of variant '{}' must be 0 or more.", variant.name));
  if (variant.instances > instances_per_variant_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' asks for {} instances; at most {} are allowed.",
                            variant.name, variant.instances, instances_per_variant_max));
  if (variant.elastic) TRY_DO(check_elastic(variant.name, *variant.elastic));
  return check_program(variant);
}

bool agree(const Variant& one, const Variant& other) {
  return one.execution == other.execution && one.execution != routing::Execution::single &&
         one.audience == other.audience && one.weight == other.weight &&
         one.instances == other.instances && one.routing == other.routing;
}

// The containers of a variant stand together, are alike, and are not too many.
Result<> check_containers(const FleetPlan& plan) {
  std::set<std::string_view> variants;
  std::size_t containers = 0;
  const Variant* before = nullptr;
  for (const Variant& variant : plan.variants) {
    const bool goes_on = before != nullptr && before->variant() == variant.variant();
    containers = goes_on ? containers + 1 : 1;
    if (goes_on ? !agree(*before, variant) : !variants.insert(variant.variant()).second)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("The containers of variant '{}' must stand together and agree in "
                              "weight, count and execution.",
                              variant.variant()));
    if (containers > containers_max)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Variant '{}' has more than {} containers.", variant.variant(),
                              containers_max));
    before = &variant;
  }
  if (!variants.empty() && variants.size() <= variants_max) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("A fleet has 1 to {} variants; {} were given.", variants_max, variants.size()));
}

Result<> check_audiences(const FleetPlan& plan) {
  std::set<std::string_view> shadows;
  std::set<std::string_view> others;
  for (const Variant& variant : plan.variants)
    (variant.audience == routing::Audience::shadow ? shadows : others).insert(variant.variant());
  if (shadows.size() <= 1 && !others.empty()) return {};
  return fail(ErrorCode::invalid_argument,
              "A fleet has one shadow variant at most, beside a variant that answers.");
}

json::value artifact_json(const std::optional<artifacts::Artifact>& artifact) {
  if (!artifact) return nullptr;
  return json::object{{"uri", artifact->uri},
                      {"form", static_cast<int>(artifact->form)},
                      {"reader", artifact->reader}};
}

std::optional<artifacts::Artifact> artifact_from(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  const json::object& object = value.as_object();
  const int form = number_of<int>(object, "form");
  if (form < 0 || form > static_cast<int>(artifacts::Artifact::Form::prefix))
    throw BadDocument("unknown form of artifact");
  artifacts::Artifact artifact{.uri = text_of(object, "uri"),
                               .form = static_cast<artifacts::Artifact::Form>(form)};
  if (object.contains("reader")) artifact.reader = text_of(object, "reader");  // older: absent
  return artifact;
}

json::value code_json(const std::optional<Code>& code) {
  if (!code) return nullptr;
  return json::object{{"artifact", artifact_json(code->artifact)}, {"variable", code->variable}};
}

// Absent in plans that were stored before there was any.
std::optional<Code> code_from(const json::value* value) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  const json::object& object = value->as_object();
  auto artifact = artifact_from(object.at("artifact"));
  if (!artifact) throw BadDocument("code without an artifact");
  return Code{.artifact = *std::move(artifact), .variable = text_of(object, "variable")};
}

json::value models_json(const std::optional<residency::ModelCollection>& models) {
  if (!models) return nullptr;
  return json::object{{"uri", models->uri},
                      {"form", static_cast<int>(models->form)},
                      {"kept", models->kept},
                      {"loaded_max", models->loaded_max},
                      {"reader", models->reader}};
}

// Absent in plans that were stored before there was any.
std::optional<residency::ModelCollection> models_from(const json::value* value) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  const auto artifact = artifact_from(*value);
  const json::object& object = value->as_object();
  return residency::ModelCollection{.uri = artifact->uri,
                                    .form = artifact->form,
                                    .kept = object.at("kept").as_bool(),
                                    .loaded_max = number_of<std::uint32_t>(object, "loaded_max"),
                                    .reader = artifact->reader};
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

std::vector<std::string> texts_from(const json::value& value) {
  std::vector<std::string> texts;
  for (const json::value& text : value.as_array()) texts.emplace_back(text.as_string());
  return texts;
}

bool runs_something(const Program& program) {
  return !program.built_in.empty() || !program.image.empty();
}

json::object probe_json(const Probe& probe) {
  if (const auto* http = std::get_if<HttpProbe>(&probe))
    return {{"kind", "http"}, {"path", http->path}};
  return {{"kind", std::holds_alternative<TcpProbe>(probe) ? "tcp" : "none"}};
}

Probe probe_from(const json::object& object) {
  const std::string kind = text_of(object, "kind");
  if (kind == "http") return HttpProbe{.path = text_of(object, "path")};
  if (kind == "tcp") return TcpProbe();
  if (kind == "none") return NoProbe();
  throw BadDocument("unknown kind of probe");
}

json::object contract_json(const Contract& contract) {
  json::array ports;
  for (const std::uint16_t port : contract.ports) ports.emplace_back(port);
  return {{"model_path", contract.model_path},
          {"models_path", contract.models_path},
          {"code_path", contract.code_path},
          {"default_arguments", texts_json(contract.default_arguments)},
          {"ports", std::move(ports)},
          {"probe", probe_json(contract.probe)},
          {"request_method", contract.request.method},
          {"request_path", contract.request.path},
          {"request_models_path", contract.request.models_path}};
}

Contract contract_from(const json::object& object) {
  Contract contract{.model_path = text_of(object, "model_path"),
                    .models_path = text_of(object, "models_path"),
                    .code_path = text_of(object, "code_path"),
                    .default_arguments = texts_from(object.at("default_arguments")),
                    .probe = probe_from(object.at("probe").as_object()),
                    .request = {.method = text_of(object, "request_method"),
                                .path = text_of(object, "request_path"),
                                .models_path = text_of(object, "request_models_path")}};
  for (const json::value& port : object.at("ports").as_array())
    contract.ports.push_back(port.to_number<std::uint16_t>());
  return contract;
}

json::object program_json(const Program& program) {
  json::object environment;
  for (const auto& [name, value] : program.environment) environment[name] = value;
  json::object object{{"built_in", program.built_in},
                      {"image", program.image},
                      {"arguments", texts_json(program.arguments)},
                      {"environment", std::move(environment)},
                      {"acts_as", program.acts_as},
                      {"model", artifact_json(program.model)},
                      {"models", models_json(program.models)},
                      {"code", code_json(program.code)},
                      {"startup_timeout_s", program.startup_timeout.count()},
                      {"download_timeout_s", program.download_timeout.count()},
                      {"memory_bytes_max", program.memory_bytes_max}};
  if (runs_something(program)) object["contract"] = contract_json(program.contract);
  return object;
}

Program program_from(const json::object& object) {
  Program program{.built_in = text_of(object, "built_in"),
                  .image = text_of(object, "image"),
                  .arguments = texts_from(object.at("arguments"))};
  for (const auto& entry : object.at("environment").as_object())
    program.environment.emplace(entry.key(), entry.value().as_string());
  if (const json::value* acts_as = object.if_contains("acts_as"))  // absent in older plans
    program.acts_as = std::string(acts_as->as_string());
  program.model = artifact_from(object.at("model"));
  program.models = models_from(object.if_contains("models"));
  program.code = code_from(object.if_contains("code"));
  if (runs_something(program)) program.contract = contract_from(object.at("contract").as_object());
  program.startup_timeout =
      std::chrono::seconds(number_of<std::int64_t>(object, "startup_timeout_s"));
  program.download_timeout =
      std::chrono::seconds(number_of<std::int64_t>(object, "download_timeout_s"));
  program.memory_bytes_max = number_of<std::uint64_t>(object, "memory_bytes_max");
  return program;
}

json::value elastic_json(const std::optional<routing::Elastic>& elastic) {
  if (!elastic) return nullptr;
  return json::object{{"concurrency_max", elastic->concurrency_max},
                      {"provisioned", elastic->provisioned},
                      {"requests_per_instance", elastic->requests_per_instance},
                      {"body_bytes_max", elastic->body_bytes_max}};
}

// Absent in plans that were stored before there was any.
std::optional<routing::Elastic> elastic_from(const json::value* value) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  const json::object& object = value->as_object();
  return routing::Elastic{
      .concurrency_max = number_of<std::uint32_t>(object, "concurrency_max"),
      .provisioned = number_of<std::uint32_t>(object, "provisioned"),
      .requests_per_instance = number_of<std::uint32_t>(object, "requests_per_instance"),
      .body_bytes_max = number_of<std::uint64_t>(object, "body_bytes_max")};
}

json::object resources_json(const Resources& resources) {
  return {{"cpus", resources.cpus},
          {"memory_mib", resources.memory_mib},
          {"accelerators", resources.accelerators}};
}

Resources resources_from(const json::object& object) {
  return {.cpus = number_of<double>(object, "cpus"),
          .memory_mib = number_of<std::uint64_t>(object, "memory_mib"),
          .accelerators = number_of<double>(object, "accelerators")};
}

json::object capture_json(const routing::CapturePlan& capture) {
  return {{"destination", capture.destination},
          {"percent", capture.percent},
          {"input", capture.input},
          {"output", capture.output},
          {"csv_types", texts_json(capture.csv_types)},
          {"json_types", texts_json(capture.json_types)}};
}

routing::CapturePlan capture_from(const json::object& object) {
  return {.destination = text_of(object, "destination"),
          .percent = number_of<unsigned>(object, "percent"),
          .input = object.at("input").as_bool(),
          .output = object.at("output").as_bool(),
          .csv_types = texts_from(object.at("csv_types")),
          .json_types = texts_from(object.at("json_types"))};
}

// What not every variant has is written only where it is there.
json::object variant_json(const Variant& variant) {
  json::object object{{"name", variant.name},
                      {"weight", variant.weight},
                      {"instances", variant.instances},
                      {"routing", static_cast<int>(variant.routing)},
                      {"program", program_json(variant.program)}};
  if (variant.elastic) object["elastic"] = elastic_json(variant.elastic);
  if (variant.at_zero == AtZero::refuse) object["refuses_at_zero"] = true;
  if (variant.offers) object["offers"] = resources_json(*variant.offers);
  if (variant.execution != routing::Execution::single) {
    object["execution"] = static_cast<int>(variant.execution);
    object["container"] = variant.container;
  }
  if (variant.audience != routing::Audience::callers)
    object["audience"] = static_cast<int>(variant.audience);
  return object;
}

// A member that not every variant has: its number, or 0.
int later_number(const json::object& object, std::string_view name, int number_max) {
  if (!object.contains(name)) return 0;
  const int number = number_of<int>(object, name);
  if (number < 0 || number > number_max) throw BadDocument(fmt::format("unknown {}", name));
  return number;
}

Variant variant_from(const json::object& object) {
  const int routing = number_of<int>(object, "routing");
  if (routing < 0 || routing > static_cast<int>(routing::Balancing::least_outstanding))
    throw BadDocument("unknown routing");
  Variant variant{.name = text_of(object, "name"),
                  .weight = number_of<double>(object, "weight"),
                  .instances = number_of<std::uint32_t>(object, "instances"),
                  .elastic = elastic_from(object.if_contains("elastic")),
                  .routing = static_cast<routing::Balancing>(routing),
                  .program = program_from(object.at("program").as_object())};
  if (object.contains("refuses_at_zero")) variant.at_zero = AtZero::refuse;
  if (const json::value* offers = object.if_contains("offers"))
    variant.offers = resources_from(offers->as_object());
  variant.execution = static_cast<routing::Execution>(
      later_number(object, "execution", static_cast<int>(routing::Execution::direct)));
  if (object.contains("container")) variant.container = text_of(object, "container");
  variant.audience = static_cast<routing::Audience>(
      later_number(object, "audience", static_cast<int>(routing::Audience::shadow)));
  return variant;
}

json::object writers_json(const std::map<std::string, std::string, std::less<>>& writers) {
  json::object object;
  for (const auto& [variant, writer] : writers) object[variant] = writer;
  return object;
}

// Absent in plans that were stored before there was any.
routing::PartBorder part_border_from(const json::object& object) {
  if (object.if_contains("part_border") == nullptr) return routing::PartBorder::none;
  const int border = number_of<int>(object, "part_border");
  if (border < 0 || border > static_cast<int>(routing::PartBorder::event))
    throw BadDocument("unknown border of parts");
  return static_cast<routing::PartBorder>(border);
}

// Likewise.
routing::Access access_from(const json::value* value) {
  if (value == nullptr) return routing::Access::direct;
  const int access = value->to_number<int>();
  if (access < 0 || access > static_cast<int>(routing::Access::queued))
    throw BadDocument("unknown access");
  return static_cast<routing::Access>(access);
}

}  // namespace

std::string_view Variant::variant() const {
  const std::string_view all = name;
  const std::size_t tail = container.empty() ? 0 : container.size() + 1;
  return all.substr(0, all.size() - std::min(all.size(), tail));
}

Result<> check(const FleetPlan& plan) {
  std::set<std::string_view> names;
  for (const Variant& variant : plan.variants) {
    TRY_DO(check_variant(variant));
    if (!names.insert(variant.name).second)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Two variants are named '{}'.", variant.name));
  }
  TRY_DO(check_containers(plan));
  return check_audiences(plan);
}

std::string to_text(const FleetPlan& plan) {
  json::array variants;
  for (const Variant& variant : plan.variants) variants.push_back(variant_json(variant));
  json::object object{{"version", plan_version},
                      {"request_timeout_ms", plan.request_timeout.count()},
                      {"part_border", static_cast<int>(plan.part_border)},
                      {"access", static_cast<int>(plan.access)},
                      {"variants", std::move(variants)}};
  if (plan.capture) object["capture"] = capture_json(*plan.capture);
  if (!plan.writers.empty()) object["writers"] = writers_json(plan.writers);
  return json::serialize(object);
}

Result<FleetPlan> plan_from_text(std::string_view text) {
  return read_document("fleet plan", text, [](const json::object& object) {
    if (number_of<int>(object, "version") != plan_version) throw BadDocument("unknown version");
    FleetPlan plan;
    plan.request_timeout =
        std::chrono::milliseconds(number_of<std::int64_t>(object, "request_timeout_ms"));
    plan.part_border = part_border_from(object);
    if (const json::value* capture = object.if_contains("capture"))
      plan.capture = capture_from(capture->as_object());
    plan.access = access_from(object.if_contains("access"));
    if (const json::value* writers = object.if_contains("writers"))
      for (const auto& writer : writers->as_object())
        plan.writers.emplace(writer.key(), writer.value().as_string());
    for (const json::value& variant : object.at("variants").as_array())
      plan.variants.push_back(variant_from(variant.as_object()));
    return plan;
  });
}

}  // namespace slipway::fleet
