#include "engine/fleet/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/fleet/record.h"
#include "store/document.h"

namespace slipway::fleet {

namespace {

constexpr std::array<store::Migration, 4> steps{{
    {.room = "fleet",
     .version = 1,
     .sql = "CREATE TABLE fleet(id TEXT PRIMARY KEY, wanted INTEGER NOT NULL, "
            "revision INTEGER NOT NULL, removing INTEGER NOT NULL, record TEXT) WITHOUT ROWID;"
            "CREATE TABLE fleet_plan(id TEXT NOT NULL, generation INTEGER NOT NULL, "
            "plan TEXT NOT NULL, PRIMARY KEY(id, generation)) WITHOUT ROWID;"
            "CREATE TABLE fleet_generation(last INTEGER NOT NULL);"
            "INSERT INTO fleet_generation VALUES(0);"},
    {.room = "fleet",
     .version = 2,
     .sql = "ALTER TABLE fleet ADD COLUMN instances INTEGER NOT NULL DEFAULT 0;"
            "UPDATE fleet SET instances = (SELECT coalesce(sum(CASE WHEN "
            "json_extract(value, '$.elastic') IS NULL AND json_extract(value, '$.offers') IS NULL "
            "THEN json_extract(value, '$.instances') ELSE 0 END), 0) "
            "FROM fleet_plan p, json_each(p.plan, '$.variants') "
            "WHERE p.id = fleet.id AND p.generation = fleet.wanted);"
            "CREATE INDEX fleet_by_instances ON fleet(instances);"},
    {.room = "fleet",
     .version = 3,
     .sql = "CREATE TABLE fleet_instance(id TEXT NOT NULL, ordinal INTEGER NOT NULL, "
            "generation INTEGER NOT NULL, variant TEXT NOT NULL, phase INTEGER NOT NULL, "
            "since INTEGER NOT NULL, PRIMARY KEY(id, ordinal)) WITHOUT ROWID;"
            "INSERT INTO fleet_instance SELECT fleet.id, json_extract(value, '$.ordinal'), "
            "json_extract(value, '$.generation'), json_extract(value, '$.variant'), "
            "json_extract(value, '$.phase'), json_extract(value, '$.since') "
            "FROM fleet, json_each(fleet.record, '$.instances');"
            "UPDATE fleet SET record = json_remove(record, '$.instances') "
            "WHERE record IS NOT NULL;"},
    // What served has all of the traffic, and came up; nothing else did that is not serving.
    {.room = "fleet",
     .version = 4,
     .sql = "UPDATE fleet SET record = json_set(json_remove(record, '$.serving'), "
            "'$.version', 2, '$.steered', 0, "
            "'$.shares', json(iif(json_extract(record, '$.serving') = 0, '{}', "
            "concat('{\"', json_extract(record, '$.serving'), '\":1.0}'))), "
            "'$.generations', json((SELECT json_group_object(key, json_set(value, '$.came_up', "
            "json(iif(key = concat(json_extract(fleet.record, '$.serving')), 'true', 'false')))) "
            "FROM json_each(fleet.record, '$.generations')))) "
            "WHERE json_valid(record);"},
}};

std::unexpected<Error> being_removed(const FleetId& id) {
  return fail(ErrorCode::conflict,
              fmt::format("The fleet '{}' is being removed; wait until it is gone.", id.text));
}

std::unexpected<Error> no_fleet(const FleetId& id) {
  return fail(ErrorCode::not_found, fmt::format("There is no fleet '{}'.", id.text));
}

std::unexpected<Error> no_generation(Generation generation) {
  return fail(ErrorCode::not_found, fmt::format("There is no generation {} now.", generation),
              "no_such_generation");
}

Result<> apply(Variant& variant, const VariantChange& change) {
  if (change.weight) variant.weight = *change.weight;
  auto* const elastic = std::get_if<routing::Elastic>(&variant.serving);
  if (change.instances && elastic != nullptr)
    return fail(ErrorCode::invalid_argument,
                fmt::format("The instances of variant '{}' follow its requests; it has no count.",
                            change.name),
                "elastic");
  if ((change.concurrency_max || change.provisioned) && elastic == nullptr)
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("Variant '{}' has a count of instances and no concurrency.", change.name),
        "not_elastic");
  if (change.instances) set_count(variant, *change.instances);
  if (change.concurrency_max) elastic->concurrency_max = *change.concurrency_max;
  if (change.provisioned) elastic->provisioned = *change.provisioned;
  return {};
}

Result<> apply(FleetPlan& plan, const VariantChange& change) {
  bool found = false;
  for (Variant& variant : plan.variants) {  // each container of it
    if (variant.variant() != change.name) continue;
    found = true;
    TRY_DO(apply(variant, change));
  }
  if (found) return {};
  return fail(ErrorCode::not_found, fmt::format("There is no variant '{}'.", change.name),
              "no_such_variant");
}

// The stored plan of a generation with the changes.
Result<FleetPlan> changed_plan(store::Transaction& tx, const FleetId& id, Generation generation,
                               std::span<const VariantChange> changes) {
  auto plan = load_plan(tx, id, generation);
  if (!plan) return no_fleet(id);
  for (const VariantChange& change : changes) TRY_DO(apply(*plan, change));
  TRY_DO(check(*plan));
  return *std::move(plan);
}

std::vector<InstanceStatus> instances_of(const FleetId& id, const FleetRow& row) {
  std::vector<InstanceStatus> list;
  for (const InstanceRecord& instance : row.record.instances)
    list.push_back({.key = key_of(id, instance).text,
                    .variant = instance.variant,
                    .generation = instance.generation,
                    .phase = std::string(name_of(instance.phase)),
                    .since = instance.since});
  return list;
}

std::vector<FleetId> ids_of(store::Rows rows) {
  std::vector<FleetId> ids;
  while (rows.next()) ids.push_back({std::string(rows.text(0))});
  return ids;
}

// A fleet whose record cannot be read says so in the place of its reason: the others are shown.
FleetLook look_at(store::Transaction& tx, const FleetId& id) {
  FleetLook look{.id = id};
  try {
    const auto row = load_row(tx, id);
    if (!row) return look;
    look.status = status_of(*row, {});
    for (const auto& [generation, record] : row->record.generations)
      look.generations.push_back(generation);
    look.instances = instances_of(id, *row);
  } catch (const store::BrokenDocument& broken) {
    look.status.reason = broken.what();
  }
  return look;
}

std::vector<FleetLook> looks_at(store::Transaction& tx, const std::vector<FleetId>& ids) {
  std::vector<FleetLook> looks;
  looks.reserve(ids.size());
  for (const FleetId& id : ids) looks.push_back(look_at(tx, id));
  return looks;
}

}  // namespace

std::string_view name_of(FleetState state) {
  switch (state) {
    case FleetState::creating: return "creating";
    case FleetState::ready: return "ready";
    case FleetState::updating: return "updating";
    case FleetState::update_failed: return "update_failed";
    case FleetState::failed: return "failed";
    case FleetState::removing: return "removing";
    case FleetState::gone: return "gone";
  }
  return "unknown";
}

void Fleets::tell(store::Transaction& tx, const FleetId& id) {
  tx.on_commit([changed = changed_, id] { changed(id); });
}

// Each fleet's row says how many instances it may always have, so that no plan is read here.
Result<> Fleets::check_room(store::Transaction& tx, const FleetId& id,
                            const FleetPlan& plan) const {
  if (instances_max_ == 0) return {};
  const std::int64_t asked = standing_processes(plan);
  std::int64_t had = 0;
  std::int64_t all = 0;
  {
    auto rows = tx.query("SELECT instances FROM fleet WHERE id = ?1", id.text);
    if (rows.next()) had = rows.integer(0);
  }
  {
    auto rows = tx.query("SELECT coalesce(sum(instances), 0) FROM fleet");
    if (rows.next()) all = rows.integer(0);
  }
  if (asked <= had || all - had + asked <= instances_max_) return {};
  auto refused = fail(ErrorCode::limit_exceeded,
                      fmt::format("{} instances more are asked for; all fleets together have {} "
                                  "and may have {}.",
                                  asked - had, all, instances_max_),
                      "too_many_instances");
  refused.error().details = {{"limit", fmt::to_string(instances_max_)},
                             {"used", fmt::to_string(all)},
                             {"asked", fmt::to_string(asked - had)}};
  return refused;
}

Result<Generation> Fleets::put_plan(store::Transaction& tx, const FleetId& id,
                                    const FleetPlan& plan) {
  if (id.text.empty() || id.text.size() > fleet_id_bytes_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("A fleet's id has 1 to {} bytes.", fleet_id_bytes_max));
  TRY_DO(check(plan));
  FleetRow row = load_row(tx, id).value_or(FleetRow{});
  if (row.removing) return being_removed(id);
  TRY_DO(check_room(tx, id, plan));
  row.wanted = next_generation(tx);
  ++row.revision;
  save_wanted(tx, id, row);
  save_plan(tx, id, row, row.wanted, plan);
  tell(tx, id);
  return row.wanted;
}

Result<> Fleets::set_weights_and_counts(store::Transaction& tx, const FleetId& id,
                                        std::span<const VariantChange> changes) {
  auto row = load_row(tx, id);
  if (!row) return no_fleet(id);
  if (row->removing) return being_removed(id);
  // After an update that failed it is the generation that serves which is changed, and wanted; it
  // serves alone where traffic was divided for an update before that one.
  if (row->record.failed == row->wanted && !row->record.shares.empty()) {
    const FleetRecord before = row->record;
    row->wanted = row->record.serving();
    row->record.shares = {{row->wanted, 1.0}};
    save_record(tx, id, before, *row);
  }
  return change_wanted(tx, id, *row, changes);
}

Result<> Fleets::set_weights_and_counts(store::Transaction& tx, const FleetId& id,
                                        Generation generation,
                                        std::span<const VariantChange> changes) {
  auto row = load_row(tx, id);
  if (!row) return no_fleet(id);
  if (row->removing) return being_removed(id);
  if (generation == row->wanted) return change_wanted(tx, id, *row, changes);
  if (!row->record.serves(generation)) return no_generation(generation);
  TRY(const FleetPlan plan, changed_plan(tx, id, generation, changes));
  TRY_DO(check_room(tx, id, plan));
  save_plan(tx, id, *row, generation, plan);
  tell(tx, id);
  return {};
}

Result<> Fleets::change_wanted(store::Transaction& tx, const FleetId& id, FleetRow& row,
                               std::span<const VariantChange> changes) {
  TRY(const FleetPlan plan, changed_plan(tx, id, row.wanted, changes));
  TRY_DO(check_room(tx, id, plan));
  ++row.revision;
  save_wanted(tx, id, row);
  save_plan(tx, id, row, row.wanted, plan);
  tell(tx, id);
  return {};
}

namespace {

// Sums of shares are rounded.
constexpr double share_error_max = 1e-9;

Result<> check_division(const Shares& shares) {
  double all = 0;
  for (const auto& [generation, share] : shares) {
    if (!(share >= 0 && share <= 1))
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("The share of generation {} is {}; it is 0 to 1.", generation, share));
    all += share;
  }
  if (std::abs(all - 1) <= share_error_max) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("The shares of all generations together are {}, not 1.", all));
}

Result<> check_can_serve(const FleetRow& row, Generation generation) {
  const FleetRecord& record = row.record;
  if (record.serves(generation)) return {};
  if (generation != row.wanted) return no_generation(generation);
  const auto known = record.generations.find(generation);
  const bool came_up = known != record.generations.end() && known->second.came_up;
  if (came_up && record.failed != generation) return {};
  return fail(ErrorCode::conflict,
              fmt::format("Generation {} is not up and cannot serve.", generation), "not_up");
}

}  // namespace

Result<> Fleets::set_shares(store::Transaction& tx, const FleetId& id, const Shares& shares) {
  auto row = load_row(tx, id);
  if (!row) return no_fleet(id);
  if (row->removing) return being_removed(id);
  TRY_DO(check_division(shares));
  for (const auto& [generation, share] : shares) TRY_DO(check_can_serve(*row, generation));
  const FleetRecord before = row->record;
  row->record.steered = row->wanted;
  row->record.shares = shares;
  if (row->record.serves_alone(row->wanted)) settle(*row);
  save_record(tx, id, before, *row);
  tell(tx, id);
  return {};
}

Result<> Fleets::give_up(store::Transaction& tx, const FleetId& id, Generation generation,
                         std::string_view reason) {
  auto row = load_row(tx, id);
  if (!row) return no_fleet(id);
  if (row->removing) return being_removed(id);
  if (generation != row->wanted) return no_generation(generation);
  if (row->record.failed == generation) return {};
  const FleetRecord before = row->record;
  const auto share = before.shares.find(generation);
  if (share != before.shares.end() && share->second > 0)
    return fail(ErrorCode::conflict,
                fmt::format("Requests go to generation {}; it cannot be given up.", generation),
                "serves");
  row->record.shares.erase(generation);
  fleet::give_up(*row, reason);
  save_record(tx, id, before, *row);
  tell(tx, id);
  return {};
}

Result<> Fleets::remove(store::Transaction& tx, const FleetId& id) {
  auto row = load_row(tx, id);
  if (!row || row->removing) return {};
  row->removing = true;
  save_wanted(tx, id, *row);
  tell(tx, id);
  return {};
}

FleetStatus Fleets::status(store::Transaction& tx, const FleetId& id) const {
  const auto row = load_row(tx, id);
  if (!row) return {};
  return as_routed(status_of(*row, load_plans(tx, id, *row)), id);
}

FleetStatus Fleets::outline(store::Transaction& tx, const FleetId& id) const {
  const auto row = load_row_alone(tx, id);
  if (!row) return {};
  return as_routed(status_of(*row, {}), id);
}

// Routes follow the commit of what serves.
FleetStatus Fleets::as_routed(FleetStatus status, const FleetId& id) const {
  const auto routed = routed_ && status.state == FleetState::ready ? routed_(id) : std::nullopt;
  if (routed && *routed != status.shares)
    status.state = routed->empty() ? FleetState::creating : FleetState::updating;
  return status;
}

Result<FleetPlan> Fleets::standing_plan(store::Transaction& tx, const FleetId& id) const {
  const auto row = load_row_alone(tx, id);
  auto plan = row ? load_plan(tx, id, row->standing()) : std::nullopt;
  if (!plan) return no_fleet(id);
  return std::move(*plan);
}

std::vector<InstanceStatus> Fleets::instances(store::Transaction& tx, const FleetId& id) const {
  const auto row = load_row(tx, id);
  return row ? instances_of(id, *row) : std::vector<InstanceStatus>();
}

std::vector<FleetLook> Fleets::look(store::Transaction& tx, const FleetId& after,
                                    std::size_t count) const {
  return looks_at(tx, ids_of(tx.query("SELECT id FROM fleet WHERE id > ?1 ORDER BY id LIMIT ?2",
                                      after.text, count)));
}

std::vector<FleetLook> Fleets::look_below(store::Transaction& tx, const FleetId& id) const {
  return looks_at(tx, ids_of(tx.query("SELECT id FROM fleet WHERE id = ?1 OR (id > ?1 || '/' AND "
                                      "id < ?1 || '0') OR (id > ?1 || ':' AND id < ?1 || ';') "
                                      "ORDER BY id",
                                      id.text)));
}

Used used_by_fleets(store::Transaction& tx) {
  Used used;
  for (const std::string& id : all_ids(tx)) {
    const auto row = load_row(tx, {id});
    if (!row) continue;
    for (const auto& [number, generation] : row->record.generations)
      for (const auto& [name, variant] : generation.variants) {
        for (const std::string& content : {variant.content, variant.code_content})
          if (!content.empty()) used.contents.insert(content);
        if (!variant.environment.empty()) used.environments.insert(variant.environment);
      }
  }
  return used;
}

std::string topic_of(const FleetId& id) { return "fleet/" + id.text; }

std::span<const store::Migration> migrations() { return steps; }

}  // namespace slipway::fleet
