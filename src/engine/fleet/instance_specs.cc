#include "engine/fleet/instance_specs.h"

#include <fmt/format.h>

#include <ranges>
#include <string>

#include "engine/fleet/fleet_effects.h"

namespace slipway::fleet {

namespace {

void tell(place::InstanceSpec& spec, const std::string& flag, const std::string& value) {
  if (!flag.empty()) spec.argv.insert(spec.argv.end(), {flag, value});
}

// A program of this host is told on which sockets it listens.
void take_sockets(place::InstanceSpec& spec, const BuiltInProgram* built_in) {
  const BuiltInProgram::Flags flags =
      built_in == nullptr ? BuiltInProgram::Flags() : built_in->flags;
  spec.http_socket = "http.sock";
  tell(spec, flags.http_socket, spec.http_socket);
  if (flags.link_socket.empty()) return;
  spec.link_socket = "link.sock";
  tell(spec, flags.link_socket, spec.link_socket);
}

// An image listens where its contract says.
void take_image(place::InstanceSpec& spec, const Program& program) {
  const Contract& contract = program.contract;
  spec.image = program.image;
  spec.argv = program.arguments.empty() ? contract.default_arguments : program.arguments;
  for (const std::uint16_t port : contract.ports) spec.ports.push_back({.inside = port});
}

std::string names_of_built_ins(const FleetOptions& options) {
  return fmt::format("{}", fmt::join(std::views::keys(options.built_ins), ", "));
}

}  // namespace

InstanceSpecs::InstanceSpecs(const FleetId& id, const FleetNeeds& needs,
                             const FleetOptions& options)
    : id_(id), needs_(needs), options_(options) {}

Result<> InstanceSpecs::check(const Variant& variant) const {
  const Program& program = variant.program;
  if (variant.machines() != nullptr) return {};
  const place::Capabilities able = needs_.place.capabilities();
  if (!program.image.empty() && !able.runs_images)
    return fail(
        ErrorCode::not_implemented,
        fmt::format("Variant '{}' needs the container image '{}', and no container engine "
                    "is set up here: 'slipway doctor' says what to install. Built-in images "
                    "run without one: {}.",
                    variant.name, program.image, names_of_built_ins(options_)));
  if (!program.built_in.empty() && built_in(program) == nullptr)
    return fail(ErrorCode::not_found,
                fmt::format("Variant '{}' needs the built-in image '{}', "
                            "which this server does not have. It has {}.",
                            variant.name, program.built_in, names_of_built_ins(options_)));
  if (variant.multi_model() != nullptr && needs_.models == nullptr)
    return fail(ErrorCode::not_implemented, "Nobody keeps a variant's many models here.");
  return {};
}

// Instances with many models install what each of these needs themselves: which they are is not
// known before somebody asks for one.
bool InstanceSpecs::needs_environment(const Variant& variant) const {
  if (needs_.environments == nullptr || !variant.program.model) return false;
  const BuiltInProgram* const program = built_in(variant.program);
  return program != nullptr && program->packages.has_value();
}

std::optional<environments::EnvironmentNeed> InstanceSpecs::environment_need(
    Generation generation, const Variant& variant, const VariantRecord& known) const {
  auto with_contents = spec_with_contents(variant.program, known);
  if (!with_contents) return std::nullopt;
  place::InstanceSpec without = program_spec(variant.program);
  environments::EnvironmentNeed need{
      .name = need_name(id_, generation, variant.name),
      .owner = variant.program.model->reader,
      .labels = package_labels(options_, id_, generation, variant.name),
      .with_contents = *std::move(with_contents),
      .without = std::move(without),
      .flags = *built_in(variant.program)->packages};
  const auto& mounts = need.with_contents.mounts;
  const auto own = static_cast<std::ptrdiff_t>(need.without.mounts.size());
  need.contents.assign(mounts.begin() + own, mounts.end());
  return need;
}

std::optional<place::InstanceSpec> InstanceSpecs::of(const InstanceRecord& instance,
                                                     const Variant& variant,
                                                     const VariantRecord& known) const {
  const Program& program = variant.program;
  auto contents = spec_with_contents(program, known);
  if (!contents || !add_environment(variant, known, *contents)) return std::nullopt;
  place::InstanceSpec spec = *std::move(contents);
  // A container's network does not lead to the address where instances ask for them.
  if (!program.acts_as.empty() && options_.credentials && program.image.empty())
    spec.environment.merge(options_.credentials(key_of(id_, instance), program.acts_as));
  spec.memory_bytes_max = program.memory_bytes_max;
  spec.labels = instance_labels(options_, id_, instance);
  if (program.image.empty())
    take_sockets(spec, built_in(program));
  else
    take_image(spec, program);
  return spec;
}

const BuiltInProgram* InstanceSpecs::built_in(const Program& program) const {
  const auto found = options_.built_ins.find(program.built_in);
  return found == options_.built_ins.end() ? nullptr : &found->second;
}

// The program with what all of its kind are given.
place::InstanceSpec InstanceSpecs::program_spec(const Program& program) const {
  place::InstanceSpec spec;
  const BuiltInProgram* const own = built_in(program);
  if (own == nullptr) return spec;
  spec.argv = own->argv;
  spec.environment = own->environment;
  spec.mounts = own->mounts;
  return spec;
}

// With its model and its code.
std::optional<place::InstanceSpec> InstanceSpecs::spec_with_contents(
    const Program& program, const VariantRecord& known) const {
  place::InstanceSpec spec = program_spec(program);
  for (const auto& [name, value] : program.environment) spec.environment[name] = value;
  if (program.code) {
    const std::string& inside = program.contract.code_path;
    const auto directory = needs_.artifacts.find(known.code_content);
    if (!directory) return std::nullopt;
    spec.mounts.push_back({.host_path = directory->string(), .inside = inside});
    spec.environment[program.code->variable] = program.image.empty() ? directory->string() : inside;
  }
  if (program.model) {
    const auto directory = needs_.artifacts.find(known.content);
    if (!directory) return std::nullopt;
    spec.mounts.push_back(
        {.host_path = directory->string(), .inside = program.contract.model_path});
    if (const BuiltInProgram* const own = built_in(program))
      tell(spec, own->flags.model, directory->string());
  }
  return spec;
}

// Returns false while it is missing on the disk.
bool InstanceSpecs::add_environment(const Variant& variant, const VariantRecord& known,
                                    place::InstanceSpec& spec) const {
  if (!needs_environment(variant) || known.environment == no_environment) return true;
  const auto directory = needs_.environments->find(known.environment);
  if (!directory) return false;
  spec.mounts.push_back({.host_path = directory->string()});
  tell(spec, built_in(variant.program)->packages->environment, directory->string());
  return true;
}

}  // namespace slipway::fleet
