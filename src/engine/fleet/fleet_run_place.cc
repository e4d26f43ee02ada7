// What FleetRun asks of the place: that instances run as their phases say.
#include <algorithm>
#include <set>

#include "engine/fleet/fleet_run.h"

namespace slipway::fleet {

namespace {

using State = ObservedInstance::State;

// A program of this host is told on which sockets it listens.
void take_sockets(place::InstanceSpec& spec, const BuiltInProgram* built_in) {
  spec.http_socket = "http.sock";
  spec.argv.insert(spec.argv.end(), {"--http-socket", spec.http_socket});
  if (built_in == nullptr || built_in->front != BuiltInProgram::Front::http_and_link) return;
  spec.link_socket = "link.sock";
  spec.argv.insert(spec.argv.end(), {"--link-socket", spec.link_socket});
}

// An image listens where its contract says.
void take_image(place::InstanceSpec& spec, const Program& program) {
  const Contract& contract = program.contract;
  spec.image = program.image;
  spec.argv = program.arguments.empty() ? contract.default_arguments : program.arguments;
  for (const std::uint16_t port : contract.ports) spec.ports.push_back({.inside = port});
}

}  // namespace

void FleetRun::attend() {
  for (const InstanceRecord& instance : record_.instances) attend_to(instance);
}

void FleetRun::attend_to(const InstanceRecord& instance) {
  const place::InstanceKey key = key_of(id_, instance);
  const ObservedInstance& seen = observed_.of(key);
  if (is_alive(instance.phase)) return attend_to_living(instance, key, seen);
  if (seen.watched) effects_.unwatch(key);
  // A start that was under way when a former server ended may come through after the place has
  // reported, of an instance that counts as ended since.
  const bool came_late = instance.phase == Phase::ended && seen.state == State::running;
  if ((instance.phase == Phase::stopping || came_late) && !seen.stop_asked) effects_.stop(key);
}

void FleetRun::attend_to_living(const InstanceRecord& instance, const place::InstanceKey& key,
                                const ObservedInstance& seen) {
  if (seen.state == State::running && !seen.watched) {
    const Variant* const variant = variant_of(instance);
    effects_.watch(key, {seen.addresses, variant ? variant->program.contract.probe : NoProbe()},
                   now_);
    if (instance.phase == Phase::healthy) wake_at(now_ + silent_max);
  }
  // Before the place reports, what a former server started looks like what nobody started.
  if (!adoption_done_ || seen.state != State::unknown || seen.start_asked) return;
  auto spec = spec_of(instance);
  if (!spec) return;
  const Program& program = variant_of(instance)->program;
  const bool many = program.models && needs_.models != nullptr;
  effects_.start(key, {.spec = *std::move(spec),
                       .models_path = many ? program.contract.models_path : "",
                       .probe = program.contract.probe});
}

// The program of a variant with what all of its kind are given.
place::InstanceSpec FleetRun::program_spec(const Program& program) const {
  place::InstanceSpec spec;
  const auto built_in = options_.built_ins.find(program.built_in);
  if (built_in == options_.built_ins.end()) return spec;
  spec.argv = built_in->second.argv;
  spec.environment = built_in->second.environment;
  spec.mounts = built_in->second.mounts;
  return spec;
}

// With its model and its code. Returns nullopt while one of them is missing on the disk.
std::optional<place::InstanceSpec> FleetRun::spec_with_contents(const Variant& variant,
                                                                const VariantRecord& known) const {
  const Program& program = variant.program;
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
    if (program.image.empty())
      spec.argv.insert(spec.argv.end(), {"--model-dir", directory->string()});
  }
  return spec;
}

// Nothing: one of its artifacts or its environment is not on the disk now.
std::optional<place::InstanceSpec> FleetRun::spec_of(const InstanceRecord& instance) {
  const Variant* variant = variant_of(instance);
  if (variant == nullptr) return std::nullopt;
  const Program& program = variant->program;
  const VariantRecord& known = variant_record(instance.generation, variant->name);
  auto contents = spec_with_contents(*variant, known);
  if (!contents || !show_environment(*variant, known, *contents)) return std::nullopt;
  place::InstanceSpec spec = *std::move(contents);
  if (!program.acts_as.empty() && options_.credentials)
    spec.environment.merge(options_.credentials(key_of(id_, instance), program.acts_as));
  spec.memory_bytes_max = program.memory_bytes_max;
  spec.labels = instance_labels(options_, id_, instance);
  if (!program.image.empty()) {
    take_image(spec, program);
    return spec;
  }
  const auto built_in = options_.built_ins.find(program.built_in);
  take_sockets(spec, built_in == options_.built_ins.end() ? nullptr : &built_in->second);
  return spec;
}

// What runs under a key of this fleet and stands in no record: a start whose note was lost, or a
// fleet that was removed meanwhile.
void FleetRun::end_orphans() {
  std::set<place::InstanceKey> known;
  for (const InstanceRecord& instance : record_.instances) known.insert(key_of(id_, instance));
  for (const auto& [key, seen] : observed_.instances) {
    if (known.contains(key)) continue;
    record_.next_ordinal = std::max(record_.next_ordinal, ordinal_of(key) + 1);  // used up
    if (seen.watched) effects_.unwatch(key);
    if (seen.state == State::ended)
      effects_.forget(key);
    else if (!seen.stop_asked)
      effects_.stop(key);
  }
}

// Ended instances of a generation that still matters are kept for their logs, a few of each
// variant; what is dropped from the record is an orphan, and end_orphans() forgets it.
void FleetRun::forget_ended() {
  std::map<VariantId, std::size_t> kept;
  for (auto instance = record_.instances.rbegin(); instance != record_.instances.rend();
       ++instance) {
    if (instance->phase != Phase::ended) continue;
    const bool matters = !row_.removing && (instance->generation == row_.wanted ||
                                            record_.serves(instance->generation));
    if (!matters || ++kept[{instance->generation, instance->variant}] > options_.ended_kept_max)
      instance->ordinal = 0;
  }
  std::erase_if(record_.instances, [](const InstanceRecord& i) { return i.ordinal == 0; });
}

}  // namespace slipway::fleet
