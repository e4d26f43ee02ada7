// What a generation that comes up waits for, in words for who watches.
#include <fmt/format.h>

#include <algorithm>

#include "engine/environments/environments.h"
#include "engine/fleet/fleet.h"
#include "engine/fleet/record.h"

namespace slipway::fleet {

namespace {

// In the order in which they pass.
enum class Stage : std::uint8_t { contents, packages, instances };

// What a variant waits for; `doing`: what is being installed for it.
struct Waits {
  Stage stage;
  std::string doing;
};

std::string sentence_of(const Waits& waits) {
  switch (waits.stage) {
    case Stage::contents: return "The model is being fetched.";
    case Stage::packages:
      if (waits.doing.empty()) return "It is being looked up which packages the model needs.";
      return fmt::format("The packages that the model needs are being installed: {}.", waits.doing);
    case Stage::instances: return "The instances are starting.";
  }
  return "";
}

// Instances start once it is known what is installed for them; of what needs nothing, at once.
Stage stage_of(const FleetRow& row, const Variant& variant) {
  const bool started = std::ranges::any_of(row.record.instances, [&](const InstanceRecord& each) {
    return each.generation == row.wanted && each.variant == variant.name;
  });
  if (started || !variant.program.model) return Stage::instances;
  const auto generation = row.record.generations.find(row.wanted);
  if (generation == row.record.generations.end()) return Stage::contents;
  const auto known = generation->second.variants.find(variant.name);
  if (known == generation->second.variants.end() || known->second.content.empty())
    return Stage::contents;
  return known->second.environment.empty() ? Stage::packages : Stage::instances;
}

}  // namespace

std::map<std::string, std::string, std::less<>> Fleets::coming_up(store::Transaction& tx,
                                                                  const FleetId& id) const {
  std::map<std::string, std::string, std::less<>> sentences;
  const auto row = load_row(tx, id);
  const auto plan = row ? load_plan(tx, id, row->wanted) : std::nullopt;
  if (!plan) return sentences;
  std::map<std::string, Waits, std::less<>> waits;
  for (const Variant& variant : plan->variants) {
    const Stage stage = stage_of(*row, variant);
    const bool installs = stage == Stage::packages && environments_ != nullptr;
    Waits here{stage,
               installs ? environments_->doing(need_name(id, row->wanted, variant.name)) : ""};
    const auto [found, added] = waits.try_emplace(std::string(variant.variant()), here);
    if (!added && stage < found->second.stage) found->second = std::move(here);
  }
  for (const auto& [name, waits_for] : waits) sentences.emplace(name, sentence_of(waits_for));
  return sentences;
}

}  // namespace slipway::fleet
