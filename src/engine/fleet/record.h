// What the reconciler knows and must not forget: written by it alone, beside the plans.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/fleet/fleet_status.h"
#include "engine/fleet/plan.h"
#include "place/place.h"
#include "store/store.h"

namespace slipway::fleet {

// Says how far an instance is on its way from its start to its end; it never goes back.
enum class Phase : std::uint8_t {
  starting,  // asked for; not yet healthy
  healthy,   // was healthy, and nothing said otherwise since: routed to while it runs
  draining,  // no longer routed to; what is under way may end
  stopping,  // asked to end
  ended,     // gone; kept for its log
};

std::string_view name_of(Phase phase);

// The variant of a generation, by its name in the plan.
using VariantId = std::pair<Generation, std::string>;

// One instance, as its row holds it.
struct InstanceRecord {
  std::uint64_t ordinal = 0;
  Generation generation = 0;
  std::string variant;
  Phase phase = Phase::starting;
  ServerTime since = {};  // when it entered the phase

  VariantId variant_id() const { return {generation, variant}; }
  // Whether it is to run: it comes up, or serves.
  bool is_alive() const { return phase == Phase::starting || phase == Phase::healthy; }
  void enter(Phase to, ServerTime now);
  // Begins its end: requests that it may have are waited for.
  void retire(ServerTime now);

  bool operator==(const InstanceRecord&) const = default;
};

// In the place of an environment's name: nothing has to be installed.
inline constexpr std::string_view no_environment = "none";

// One variant of one generation.
struct VariantRecord {
  std::string content;         // the model that its instances see; empty: none yet, or none
  std::string code_content;    // the code, likewise
  std::string environment;     // what is installed for them; empty: not known, or nobody asks
  unsigned failures = 0;       // in a row
  ServerTime not_before = {};  // no start before this
};

// Says what the reconciler notes of one generation.
struct GenerationRecord {
  ServerTime begun = {};
  bool came_up = false;  // all of it was there at once: it can serve
  std::map<std::string, VariantRecord, std::less<>> variants;
};

inline constexpr std::size_t reason_bytes_max = 1000;

// Says what the reconciler notes of one fleet.
struct FleetRecord {
  Shares shares;                       // of the generations that serve; empty: none does
  Generation steered = 0;              // the wanted generation that Fleets::set_shares() shifts
                                       // traffic to; any other gets it all once it came up
  Generation failed = 0;               // the newest generation that was given up; 0: none
  std::uint64_t applied_revision = 0;  // the latest revision of which everything was reached
  bool scaling_failed = false;         // it was not reached; the fleet serves with what it has
  std::string reason;                  // of `failed` or of `scaling_failed`: reason_bytes_max
  Timestamp changed_at = {};
  std::uint64_t next_ordinal = 1;
  std::map<Generation, GenerationRecord> generations;
  std::vector<InstanceRecord> instances;  // by ordinal; each in a row of its own

  bool serves(Generation generation) const { return shares.contains(generation); }
  bool serves_alone(Generation generation) const {
    return shares.size() == 1 && serves(generation);
  }
  // The oldest of those that serve, which an update under way is to replace; 0: none does.
  Generation serving() const { return shares.empty() ? 0 : shares.begin()->first; }
  // The generation whose instances take room from other fleets, where that one is wanted; 0: what
  // was given up, and nothing serves in its place.
  Generation claiming(Generation wanted) const { return failed == wanted ? serving() : wanted; }

  // How many instances of the variant are to run, and how many of them are healthy.
  std::size_t living(Generation generation, std::string_view variant) const;
  std::size_t healthy(Generation generation, std::string_view variant) const;
  // What is noted of the variant; nothing yet where it is new.
  VariantRecord& of(Generation generation, const std::string& variant);
};

// All but the instances.
std::string to_text(const FleetRecord& record);
Result<FleetRecord> record_from_text(std::string_view text);

// "fleet/<id>/<generation>/<variant>/<ordinal>", and back; nothing for keys of another form.
place::InstanceKey key_of(const FleetId& id, const InstanceRecord& instance);
// What environments::Need::name is for the variant of a generation.
std::string need_name(const FleetId& id, Generation generation, std::string_view variant);
std::optional<FleetId> fleet_of(const place::InstanceKey& key);
std::uint64_t ordinal_of(const place::InstanceKey& key);  // 0 where it has none

// One fleet as it is stored.
struct FleetRow {
  Generation wanted = 0;
  std::uint64_t revision = 0;  // counts the door's changes
  bool removing = false;
  FleetRecord record;

  // What a change begins from: the wanted generation, or, once that was given up, the one that
  // serves in its place.
  Generation standing() const {
    return record.failed == wanted && !record.shares.empty() ? record.serving() : wanted;
  }
  // Whether anything of that generation is to run: it serves, or it is brought up.
  bool needs(Generation generation) const {
    const bool comes_up = generation == wanted && generation != record.failed;
    return !removing && (comes_up || record.serves(generation));
  }
};

// A number that no generation of any fleet had before, so that no instance key comes twice, also
// where a fleet is removed and another of its id made.
Generation next_generation(store::Transaction& tx);

// Each throws store::Failure as statements do, and BrokenDocument, which is one, of a row that
// cannot be read.
std::optional<FleetRow> load_row(store::Transaction& tx, const FleetId& id);
// As load_row(), without the instances.
std::optional<FleetRow> load_row_alone(store::Transaction& tx, const FleetId& id);
std::optional<FleetPlan> load_plan(store::Transaction& tx, const FleetId& id,
                                   Generation generation);
void save_wanted(store::Transaction& tx, const FleetId& id, const FleetRow& row);
// Writes what of the record differs from `before`, which is what is stored: of a thousand instances
// the one that changed. With it goes how many instances the fleet may always have, so that no plan
// is read to add up all fleets.
void save_record(store::Transaction& tx, const FleetId& id, const FleetRecord& before,
                 const FleetRow& row);
// Writes a plan of the fleet, whose row is `row`, with that same number.
void save_plan(store::Transaction& tx, const FleetId& id, const FleetRow& row,
               Generation generation, const FleetPlan& plan);
// Gives all traffic to the wanted generation: whatever failed before it counts no more.
void settle(FleetRow& row);
// Notes that the wanted generation is not to serve, and why: what serves beside it serves on.
void give_up(FleetRow& row, std::string_view reason);

// Removes the plans of all generations but the wanted one and those that serve.
void keep_plans(store::Transaction& tx, const FleetId& id, const FleetRow& row);
void erase_fleet(store::Transaction& tx, const FleetId& id);
std::vector<std::string> all_ids(store::Transaction& tx);

// The plans of the wanted generation and of those that serve, each read once.
struct Plans {
  std::map<Generation, std::shared_ptr<const FleetPlan>> by_generation;

  // Null: there is none.
  const FleetPlan* of(Generation generation) const {
    const auto found = by_generation.find(generation);
    return found == by_generation.end() ? nullptr : found->second.get();
  }
  const Variant* variant_of(const InstanceRecord& instance) const;
};
Plans load_plans(store::Transaction& tx, const FleetId& id, const FleetRow& row);

// The status that row and plans amount to.
FleetStatus status_of(const FleetRow& row, const Plans& plans);

}  // namespace slipway::fleet
