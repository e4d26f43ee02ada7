#include "engine/fleet/coming_up.h"

#include <algorithm>

#include "engine/fleet/record.h"

namespace slipway::fleet {

namespace {

// In the order in which they pass.
enum class Stage : std::uint8_t { contents, packages, instances };

std::string_view sentence_of(Stage stage) {
  switch (stage) {
    case Stage::contents: return "The model is being fetched.";
    case Stage::packages: return "The packages that the model needs are being installed.";
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

std::map<std::string, std::string_view, std::less<>> coming_up(store::Transaction& tx,
                                                               const FleetId& id) {
  std::map<std::string, std::string_view, std::less<>> sentences;
  const auto row = load_row(tx, id);
  const auto plan = row ? load_plan(tx, id, row->wanted) : std::nullopt;
  if (!plan) return sentences;
  std::map<std::string, Stage, std::less<>> stages;
  for (const Variant& variant : plan->variants) {
    const Stage stage = stage_of(*row, variant);
    const auto [found, added] = stages.try_emplace(std::string(variant.variant()), stage);
    if (!added) found->second = std::min(found->second, stage);
  }
  for (const auto& [name, stage] : stages) sentences.emplace(name, sentence_of(stage));
  return sentences;
}

}  // namespace slipway::fleet
