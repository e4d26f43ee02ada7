#include "engine/fleet/record.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/fleet/elastic_aim.h"
#include "engine/json.h"

namespace slipway::fleet {

using engine::BadDocument;
using engine::number_of;
using engine::read_document;
using engine::text_of;

namespace json = boost::json;

namespace {

constexpr int record_version = 2;  // 1: one generation served, without a share
constexpr std::string_view owner = "fleet";

ServerTime server_time_of(const json::object& object, std::string_view name) {
  return server_time_from(number_of<std::int64_t>(object, name));
}
Timestamp time_of(const json::object& object, std::string_view name) {
  return Timestamp(std::chrono::microseconds(number_of<std::int64_t>(object, name)));
}

json::object generation_json(const GenerationRecord& generation) {
  json::object variants;
  for (const auto& [name, variant] : generation.variants)
    variants[name] = json::object{{"content", variant.content},
                                  {"code_content", variant.code_content},
                                  {"environment", variant.environment},
                                  {"failures", variant.failures},
                                  {"not_before", to_microseconds(variant.not_before)}};
  return {{"begun", to_microseconds(generation.begun)},
          {"came_up", generation.came_up},
          {"variants", std::move(variants)}};
}

// Empty in records that are older than the member.
std::string text_or_empty(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains({name.data(), name.size()});
  return value ? std::string(value->as_string()) : std::string();
}

GenerationRecord generation_from(const json::object& object) {
  GenerationRecord generation{.begun = server_time_of(object, "begun"),
                              .came_up = object.at("came_up").as_bool()};
  for (const auto& entry : object.at("variants").as_object()) {
    const json::object& variant = entry.value().as_object();
    generation.variants[std::string(entry.key())] = {
        .content = text_of(variant, "content"),
        .code_content = text_or_empty(variant, "code_content"),
        .environment = text_or_empty(variant, "environment"),
        .failures = number_of<unsigned>(variant, "failures"),
        .not_before = server_time_of(variant, "not_before")};
  }
  return generation;
}

std::vector<InstanceRecord> load_instances(store::Transaction& tx, const FleetId& id) {
  auto rows = tx.query(
      "SELECT ordinal, generation, variant, phase, since FROM fleet_instance WHERE id = ?1 "
      "ORDER BY ordinal",
      id.text);
  std::vector<InstanceRecord> instances;
  while (rows.next()) {
    const std::int64_t phase = rows.integer(3);
    if (phase < 0 || phase > static_cast<std::int64_t>(Phase::ended))
      throw BadDocument("unknown phase");
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

Generation generation_of(std::string_view text) {
  Generation generation = 0;
  std::from_chars(text.data(), text.data() + text.size(), generation);
  return generation;
}

json::object shares_json(const Shares& shares) {
  json::object object;
  for (const auto& [generation, share] : shares) object[std::to_string(generation)] = share;
  return object;
}

Shares shares_from(const json::object& object) {
  Shares shares;
  for (const auto& share : object)
    shares[generation_of(share.key())] = share.value().to_number<double>();
  return shares;
}

FleetRecord record_from(const json::object& object) {
  if (number_of<int>(object, "version") != record_version) throw BadDocument("unknown version");
  FleetRecord record{.shares = shares_from(object.at("shares").as_object()),
                     .steered = number_of<Generation>(object, "steered"),
                     .failed = number_of<Generation>(object, "failed"),
                     .applied_revision = number_of<std::uint64_t>(object, "applied_revision"),
                     .scaling_failed = object.at("scaling_failed").as_bool(),
                     .reason = text_of(object, "reason"),
                     .changed_at = time_of(object, "changed_at"),
                     .next_ordinal = number_of<std::uint64_t>(object, "next_ordinal")};
  for (const auto& entry : object.at("generations").as_object())
    record.generations[generation_of(entry.key())] = generation_from(entry.value().as_object());
  return record;
}

template <typename T>
T or_throw(Result<T> result) {
  if (!result) throw BadDocument(result.error().message);
  return std::move(*result);
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

std::uint32_t healthy_count(const FleetRecord& record, Generation generation,
                            const Variant& variant) {
  if (variant.offers) return variant.instances;
  return static_cast<std::uint32_t>(
      std::ranges::count_if(record.instances, [&](const InstanceRecord& instance) {
        return instance.generation == generation && instance.variant == variant.name &&
               instance.phase == Phase::healthy;
      }));
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

std::uint32_t standing_instances(const Variant& variant) {
  return variant.elastic ? provisioned_instances(*variant.elastic) : variant.instances;
}

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

std::string to_text(const FleetRecord& record) {
  json::object generations;
  for (const auto& [number, generation] : record.generations)
    generations[std::to_string(number)] = generation_json(generation);
  return json::serialize(json::object{{"version", record_version},
                                      {"shares", shares_json(record.shares)},
                                      {"steered", record.steered},
                                      {"failed", record.failed},
                                      {"applied_revision", record.applied_revision},
                                      {"scaling_failed", record.scaling_failed},
                                      {"reason", record.reason},
                                      {"changed_at", record.changed_at.time_since_epoch().count()},
                                      {"next_ordinal", record.next_ordinal},
                                      {"generations", std::move(generations)}});
}

Result<FleetRecord> record_from_text(std::string_view text) {
  return read_document("fleet record", text, record_from);
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
  auto rows =
      tx.query("SELECT wanted, revision, removing, record FROM fleet WHERE id = ?1", id.text);
  if (!rows.next()) return std::nullopt;
  FleetRow row{.wanted = static_cast<Generation>(rows.integer(0)),
               .revision = static_cast<std::uint64_t>(rows.integer(1)),
               .removing = rows.integer(2) != 0};
  if (!rows.is_null(3)) row.record = or_throw(record_from_text(rows.text(3)));
  row.record.instances = load_instances(tx, id);
  return row;
}

std::optional<FleetPlan> load_plan(store::Transaction& tx, const FleetId& id,
                                   Generation generation) {
  auto rows = tx.query("SELECT plan FROM fleet_plan WHERE id = ?1 AND generation = ?2", id.text,
                       generation);
  if (!rows.next()) return std::nullopt;
  return or_throw(plan_from_text(rows.text(0)));
}

void save_wanted(store::Transaction& tx, const FleetId& id, const FleetRow& row) {
  tx.run(
      "INSERT INTO fleet(id, wanted, revision, removing) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) "
      "DO UPDATE SET wanted = ?2, revision = ?3, removing = ?4",
      id.text, row.wanted, row.revision, row.removing);
}

void save_record(store::Transaction& tx, const FleetId& id, const FleetRecord& before,
                 const FleetRecord& record) {
  if (const std::string text = to_text(record); text != to_text(before))
    tx.run("UPDATE fleet SET record = ?2 WHERE id = ?1", id.text, text);
  save_instances(tx, id, before.instances, record.instances);
}

void save_plan(store::Transaction& tx, const FleetId& id, Generation generation,
               const FleetPlan& plan) {
  tx.run("INSERT OR REPLACE INTO fleet_plan(id, generation, plan) VALUES(?1, ?2, ?3)", id.text,
         generation, to_text(plan));
}

void settle(FleetRow& row) {
  FleetRecord& record = row.record;
  record.shares = {{row.wanted, 1.0}};
  record.failed = 0;
  record.scaling_failed = false;
  record.reason.clear();
  record.applied_revision = row.revision;
}

void keep_plans(store::Transaction& tx, const FleetId& id, const FleetRow& row) {
  json::array kept{row.wanted};
  for (const auto& [generation, share] : row.record.shares) kept.emplace_back(generation);
  tx.run(
      "DELETE FROM fleet_plan WHERE id = ?1 AND generation NOT IN "
      "(SELECT value FROM json_each(?2))",
      id.text, json::serialize(kept));
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
          .elastic_current = variant.elastic,
          .elastic_wanted = aim == nullptr ? std::nullopt : aim->elastic};
    for (const auto& [generation, share] : record.shares)
      if (auto here = in_generation(record, generation, plans.of(generation), to.name)) {
        to.instances_current += here->instances_current;
        to.generations.push_back(*here);
      }
  }
  return status;
}

}  // namespace slipway::fleet
