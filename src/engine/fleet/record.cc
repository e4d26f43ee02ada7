#include "engine/fleet/record.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.h"
#include "store/document.h"

namespace slipway::fleet {

void fields(auto& field, store::Of<VariantRecord> auto& variant) {
  using enum store::Presence;
  field("content", variant.content);
  field("code_content", variant.code_content, added_later);
  field("environment", variant.environment, added_later);
  field("failures", variant.failures);
  field("not_before", variant.not_before);
}

void fields(auto& field, store::Of<GenerationRecord> auto& generation) {
  field("begun", generation.begun);
  field("came_up", generation.came_up);
  field("variants", generation.variants);
}

// Instances are rows of their own.
void fields(auto& field, store::Of<FleetRecord> auto& record) {
  field.version(2);  // 1: one generation served, without a share
  field("shares", record.shares);
  field("steered", record.steered);
  field("failed", record.failed);
  field("applied_revision", record.applied_revision);
  field("scaling_failed", record.scaling_failed);
  field("reason", record.reason);
  field("changed_at", record.changed_at);
  field("next_ordinal", record.next_ordinal);
  field("generations", record.generations);
}

namespace {

constexpr std::string_view owner = "fleet";

std::vector<InstanceRecord> load_instances(store::Transaction& tx, const FleetId& id) {
  auto rows = tx.query(
      "SELECT ordinal, generation, variant, phase, since FROM fleet_instance WHERE id = ?1 "
      "ORDER BY ordinal",
      id.text);
  std::vector<InstanceRecord> instances;
  while (rows.next()) {
    const std::int64_t phase = rows.integer(3);
    if (phase < 0 || phase > static_cast<std::int64_t>(Phase::ended))
      throw store::BrokenDocument(
          fmt::format("An instance of the fleet '{}' is in no known phase.", id.text));
    instances.push_back({.ordinal = static_cast<std::uint64_t>(rows.integer(0)),
                         .generation = static_cast<Generation>(rows.integer(1)),
                         .variant = std::string(rows.text(2)),
                         .phase = static_cast<Phase>(phase),
                         .since = server_time_from(rows.integer(4))});
  }
  return instances;
}

void save_instance(store::Transaction& tx, const FleetId& id, const InstanceRecord& instance) {
  tx.run(
      "INSERT OR REPLACE INTO fleet_instance(id, ordinal, generation, variant, phase, since) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
      id.text, instance.ordinal, instance.generation, instance.variant, instance.phase,
      to_microseconds(instance.since));
}

// Both are in the order of their ordinals.
void save_instances(store::Transaction& tx, const FleetId& id,
                    const std::vector<InstanceRecord>& before,
                    const std::vector<InstanceRecord>& now) {
  auto old = before.begin();
  const auto drop_below = [&](std::uint64_t ordinal) {
    for (; old != before.end() && old->ordinal < ordinal; ++old)
      tx.run("DELETE FROM fleet_instance WHERE id = ?1 AND ordinal = ?2", id.text, old->ordinal);
  };
  for (const InstanceRecord& instance : now) {
    drop_below(instance.ordinal);
    const bool known = old != before.end() && old->ordinal == instance.ordinal;
    if (!known || *old != instance) save_instance(tx, id, instance);
    if (known) ++old;
  }
  drop_below(std::numeric_limits<std::uint64_t>::max());
}

FleetState state_of(const FleetRow& row) {
  const FleetRecord& record = row.record;
  if (row.removing) return FleetState::removing;
  if (record.failed == row.wanted)
    return record.shares.empty() ? FleetState::failed : FleetState::update_failed;
  if (record.shares.empty()) return FleetState::creating;
  if (!record.serves_alone(row.wanted) || record.applied_revision != row.revision)
    return FleetState::updating;
  return record.scaling_failed ? FleetState::update_failed : FleetState::ready;
}

std::optional<routing::Elastic> elastic_of(const Variant* variant) {
  const routing::Elastic* const elastic = variant == nullptr ? nullptr : variant->elastic();
  return elastic == nullptr ? std::nullopt : std::optional(*elastic);
}

std::uint32_t healthy_count(const FleetRecord& record, Generation generation,
                            const Variant& variant) {
  if (const Machines* const machines = variant.machines()) return machines->count;
  return static_cast<std::uint32_t>(record.healthy(generation, variant.name));
}

const Variant* find_variant(const FleetPlan* plan, std::string_view name) {
  if (plan == nullptr) return nullptr;
  const auto found = std::ranges::find(plan->variants, name, &Variant::variant);
  return found == plan->variants.end() ? nullptr : &*found;
}

// The variant in one generation that serves; it may not have it. A variant of several containers
// has as many instances as the scarcest of them.
std::optional<VariantStatus::InGeneration> in_generation(const FleetRecord& record,
                                                         Generation generation,
                                                         const FleetPlan* plan,
                                                         std::string_view name) {
  const Variant* const variant = find_variant(plan, name);
  if (variant == nullptr) return std::nullopt;
  VariantStatus::InGeneration here{.generation = generation,
                                   .share = record.shares.at(generation),
                                   .weight = variant->weight,
                                   .instances_current = healthy_count(record, generation, *variant),
                                   .instances_wanted = standing_instances(*variant)};
  for (const Variant& container : plan->variants)
    if (container.variant() == name)
      here.instances_current =
          std::min(here.instances_current, healthy_count(record, generation, container));
  return here;
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::starting: return "starting";
    case Phase::healthy: return "healthy";
    case Phase::draining: return "draining";
    case Phase::stopping: return "stopping";
    case Phase::ended: return "ended";
  }
  return "unknown";
}

void InstanceRecord::enter(Phase to, ServerTime now) {
  phase = to;
  since = now;
}

void InstanceRecord::retire(ServerTime now) {
  if (phase == Phase::starting)
    enter(Phase::stopping, now);
  else if (phase == Phase::healthy)
    enter(Phase::draining, now);
}

std::size_t FleetRecord::living(Generation generation, std::string_view variant) const {
  return static_cast<std::size_t>(std::ranges::count_if(instances, [&](const auto& instance) {
    return instance.generation == generation && instance.variant == variant && instance.is_alive();
  }));
}

std::size_t FleetRecord::healthy(Generation generation, std::string_view variant) const {
  return static_cast<std::size_t>(std::ranges::count_if(instances, [&](const auto& instance) {
    return instance.generation == generation && instance.variant == variant &&
           instance.phase == Phase::healthy;
  }));
}

VariantRecord& FleetRecord::of(Generation generation, const std::string& variant) {
  return generations[generation].variants[variant];
}

std::string to_text(const FleetRecord& record) { return store::write_document(record); }

Result<FleetRecord> record_from_text(std::string_view text) {
  return store::read_document<FleetRecord>("fleet record", text);
}

place::InstanceKey key_of(const FleetId& id, const InstanceRecord& instance) {
  return {fmt::format("{}/{}/{}/{}/{}", owner, id.text, instance.generation, instance.variant,
                      instance.ordinal)};
}

std::string need_name(const FleetId& id, Generation generation, std::string_view variant) {
  return fmt::format("{}/{}/{}", id.text, generation, variant);
}

// The id may hold '/': the other parts are counted from the end.
std::optional<FleetId> fleet_of(const place::InstanceKey& key) {
  if (key.owner() != owner) return std::nullopt;
  std::size_t end = key.text.size();
  for (int part = 0; part < 3; ++part) {
    if (end == 0) return std::nullopt;
    end = key.text.rfind('/', end - 1);
    if (end == std::string::npos) return std::nullopt;
  }
  if (end <= owner.size() + 1) return std::nullopt;
  return FleetId{key.text.substr(owner.size() + 1, end - owner.size() - 1)};
}

std::uint64_t ordinal_of(const place::InstanceKey& key) {
  const std::string_view text = key.text;
  const std::string_view last = text.substr(text.rfind('/') + 1);
  std::uint64_t ordinal = 0;
  std::from_chars(last.data(), last.data() + last.size(), ordinal);
  return ordinal;
}

Generation next_generation(store::Transaction& tx) {
  tx.run("UPDATE fleet_generation SET last = last + 1");
  auto rows = tx.query("SELECT last FROM fleet_generation");
  rows.next();
  return static_cast<Generation>(rows.integer(0));
}

std::optional<FleetRow> load_row(store::Transaction& tx, const FleetId& id) {
  auto row = load_row_alone(tx, id);
  if (row) row->record.instances = load_instances(tx, id);
  return row;
}

std::optional<FleetRow> load_row_alone(store::Transaction& tx, const FleetId& id) {
  auto rows =
      tx.query("SELECT wanted, revision, removing, record FROM fleet WHERE id = ?1", id.text);
  if (!rows.next()) return std::nullopt;
  FleetRow row{.wanted = static_cast<Generation>(rows.integer(0)),
               .revision = static_cast<std::uint64_t>(rows.integer(1)),
               .removing = rows.integer(2) != 0};
  if (!rows.is_null(3))
    row.record = store::read_own_document<FleetRecord>("fleet record", rows.text(3));
  return row;
}

std::optional<FleetPlan> load_plan(store::Transaction& tx, const FleetId& id,
                                   Generation generation) {
  auto rows = tx.query("SELECT plan FROM fleet_plan WHERE id = ?1 AND generation = ?2", id.text,
                       generation);
  if (!rows.next()) return std::nullopt;
  return store::value_of(plan_from_text(rows.text(0)));
}

void save_wanted(store::Transaction& tx, const FleetId& id, const FleetRow& row) {
  tx.run(
      "INSERT INTO fleet(id, wanted, revision, removing) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) "
      "DO UPDATE SET wanted = ?2, revision = ?3, removing = ?4",
      id.text, row.wanted, row.revision, row.removing);
}

namespace {

void save_claim(store::Transaction& tx, const FleetId& id, const std::optional<FleetPlan>& plan) {
  tx.run("UPDATE fleet SET instances = ?2 WHERE id = ?1", id.text,
         plan ? standing_processes(*plan) : 0);
}

}  // namespace

void save_record(store::Transaction& tx, const FleetId& id, const FleetRecord& before,
                 const FleetRow& row) {
  const FleetRecord& record = row.record;
  if (const std::string text = to_text(record); text != to_text(before))
    tx.run("UPDATE fleet SET record = ?2 WHERE id = ?1", id.text, text);
  save_instances(tx, id, before.instances, record.instances);
  const Generation claiming = record.claiming(row.wanted);
  if (claiming != before.claiming(row.wanted)) save_claim(tx, id, load_plan(tx, id, claiming));
}

void save_plan(store::Transaction& tx, const FleetId& id, const FleetRow& row,
               Generation generation, const FleetPlan& plan) {
  tx.run("INSERT OR REPLACE INTO fleet_plan(id, generation, plan) VALUES(?1, ?2, ?3)", id.text,
         generation, to_text(plan));
  if (generation == row.record.claiming(row.wanted)) save_claim(tx, id, plan);
}

void settle(FleetRow& row) {
  FleetRecord& record = row.record;
  record.shares = {{row.wanted, 1.0}};
  record.failed = 0;
  record.scaling_failed = false;
  record.reason.clear();
  record.applied_revision = row.revision;
}

void give_up(FleetRow& row, std::string_view reason) {
  FleetRecord& record = row.record;
  record.failed = row.wanted;
  record.reason = last_part(reason, reason_bytes_max);
  record.applied_revision = row.revision;
}

void keep_plans(store::Transaction& tx, const FleetId& id, const FleetRow& row) {
  std::vector<Generation> kept{row.wanted};
  for (const auto& [generation, share] : row.record.shares) kept.push_back(generation);
  tx.run(
      "DELETE FROM fleet_plan WHERE id = ?1 AND generation NOT IN "
      "(SELECT value FROM json_each(?2))",
      id.text, store::write_document(kept));
}

void erase_fleet(store::Transaction& tx, const FleetId& id) {
  tx.run("DELETE FROM fleet_instance WHERE id = ?1", id.text);
  tx.run("DELETE FROM fleet_plan WHERE id = ?1", id.text);
  tx.run("DELETE FROM fleet WHERE id = ?1", id.text);
}

std::vector<std::string> all_ids(store::Transaction& tx) {
  std::vector<std::string> ids;
  auto rows = tx.query("SELECT id FROM fleet ORDER BY id");
  while (rows.next()) ids.emplace_back(rows.text(0));
  return ids;
}

const Variant* Plans::variant_of(const InstanceRecord& instance) const {
  const FleetPlan* const plan = of(instance.generation);
  if (plan == nullptr) return nullptr;
  const auto found = std::ranges::find(plan->variants, instance.variant, &Variant::name);
  return found == plan->variants.end() ? nullptr : &*found;
}

Plans load_plans(store::Transaction& tx, const FleetId& id, const FleetRow& row) {
  Plans plans;
  const auto load = [&](Generation generation) {
    if (plans.by_generation.contains(generation)) return;
    if (auto plan = load_plan(tx, id, generation))
      plans.by_generation[generation] = std::make_shared<const FleetPlan>(*std::move(plan));
  };
  load(row.wanted);
  for (const auto& [generation, share] : row.record.shares) load(generation);
  return plans;
}

FleetStatus status_of(const FleetRow& row, const Plans& plans) {
  const FleetRecord& record = row.record;
  FleetStatus status{.state = state_of(row),
                     .wanted = row.wanted,
                     .shares = record.shares,
                     .changed_at = record.changed_at};
  if (status.state == FleetState::failed || status.state == FleetState::update_failed)
    status.reason = record.reason;
  if (const auto wanted = record.generations.find(row.wanted); wanted != record.generations.end())
    status.wanted_came_up = wanted->second.came_up && record.failed != row.wanted;
  const FleetPlan* const serving = plans.of(record.serving());
  const FleetPlan* const shown = serving != nullptr ? serving : plans.of(row.wanted);
  const FleetPlan* const aimed_at =
      status.state == FleetState::update_failed ? shown : plans.of(row.wanted);
  if (shown == nullptr) return status;
  for (const Variant& variant : shown->variants) {
    if (!status.variants.empty() && status.variants.back().name == variant.variant())
      continue;  // one more container
    const Variant* aim = find_variant(aimed_at, variant.variant());
    VariantStatus& to = status.variants.emplace_back();
    to = {.name = std::string(variant.variant()),
          .weight_current = serving != nullptr ? variant.weight : 0,
          .weight_wanted = aim == nullptr ? 0 : aim->weight,
          .instances_wanted = aim == nullptr ? 0 : standing_instances(*aim),
          .elastic_current = elastic_of(&variant),
          .elastic_wanted = elastic_of(aim)};
    for (const auto& [generation, share] : record.shares)
      if (auto here = in_generation(record, generation, plans.of(generation), to.name)) {
        to.instances_current += here->instances_current;
        to.generations.push_back(*here);
      }
  }
  return status;
}

}  // namespace slipway::fleet
