// What FleetRun asks of environments: that what the instances of a variant need is installed, once.
#include <fmt/format.h>

#include "engine/fleet/fleet_run.h"

namespace slipway::fleet {

// Instances with many models install what each of these needs themselves: which they are is not
// known before somebody asks for one.
bool FleetRun::is_given_environment(const Variant& variant) const {
  if (needs_.environments == nullptr || !variant.program.model) return false;
  const auto built_in = options_.built_ins.find(variant.program.built_in);
  return built_in != options_.built_ins.end() &&
         built_in->second.packages == BuiltInProgram::Packages::prepared;
}

bool FleetRun::has_environment(Generation generation, const Variant& variant,
                               const Failed& failed) {
  if (!is_given_environment(variant)) return true;
  std::string& known = variant_record(generation, variant.name).environment;
  if (known == no_environment || (!known.empty() && needs_.environments->find(known))) return true;
  const FetchId id{{generation, variant.name}, Part::environment};
  const ServerTime asked_at = when_asked(id);
  if (!observed_.fetches.contains(id)) {
    auto need = environment_need(generation, variant);
    if (!need) return false;
    effects_.prepare(id, *std::move(need), now_);
  }
  // As on AWS, the time that an instance has to come up is that of its packages too.
  const auto patience = variant.program.startup_timeout;
  const ServerTime deadline = asked_at + patience;
  const auto outcome =
      take_outcome(id, deadline,
                   fmt::format("The environment of variant '{}' was not made within {} s.",
                               variant.name, patience.count()),
                   failed);
  if (!outcome && now_ >= deadline) observed_.fetches.erase(id);
  if (!outcome) return false;
  if (!*outcome) {
    failed(fmt::format("The environment of variant '{}' cannot be made: {}", variant.name,
                       outcome->error().message));
    return false;
  }
  known = (*outcome)->content.empty() ? std::string(no_environment) : (*outcome)->content;
  return true;
}

std::optional<environments::Need> FleetRun::environment_need(Generation generation,
                                                             const Variant& variant) {
  const VariantRecord& known = variant_record(generation, variant.name);
  auto with_contents = spec_with_contents(variant, known);
  if (!with_contents) return std::nullopt;
  place::InstanceSpec without = program_spec(variant.program);
  environments::Need need{.name = need_name(id_, generation, variant.name),
                          .owner = variant.program.model->reader,
                          .labels = package_labels(options_, id_, generation, variant.name),
                          .with_contents = *std::move(with_contents),
                          .without = std::move(without)};
  const auto& mounts = need.with_contents.mounts;
  const auto own = static_cast<std::ptrdiff_t>(need.without.mounts.size());
  need.contents.assign(mounts.begin() + own, mounts.end());
  return need;
}

bool FleetRun::show_environment(const Variant& variant, const VariantRecord& known,
                                place::InstanceSpec& spec) const {
  if (!is_given_environment(variant) || known.environment == no_environment) return true;
  const auto directory = needs_.environments->find(known.environment);
  if (!directory) return false;
  spec.mounts.push_back({.host_path = directory->string()});
  spec.argv.insert(spec.argv.end(), {"--environment", directory->string()});
  return true;
}

}  // namespace slipway::fleet
