// Groups of like instances behind a name. This is what a door calls, always within a transaction of
// its own; the work is done afterwards by the FleetReconciler, woken when the transaction is
// durable.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/fleet/fleet_status.h"
#include "engine/fleet/plan.h"
#include "store/store.h"

namespace slipway::environments {
class Environments;
}

namespace slipway::fleet {

struct FleetRow;

// Says what a door changes of a variant that serves, without a new generation; what is absent
// stays.
struct VariantChange {
  std::string name;
  std::optional<double> weight;
  std::optional<std::uint32_t> instances = {};        // of a variant that is not elastic
  std::optional<std::uint32_t> concurrency_max = {};  // of an elastic one, as the next
  std::optional<std::uint32_t> provisioned = {};
};

// One instance as a person or the log reader sees it.
struct InstanceStatus {
  std::string key;  // place::InstanceKey::text
  std::string variant;
  Generation generation = 0;
  std::string phase;      // "starting", "healthy", "draining", "stopping", "ended"
  ServerTime since = {};  // when it entered the phase
};

// One fleet for who looks into a running server.
struct FleetLook {
  FleetId id;
  FleetStatus status;                   // without variants: no plan is read for it
  std::vector<Generation> generations;  // of which anything is left
  std::vector<InstanceStatus> instances;
};

// What doors hold. Thread-safe: it has no state but the hook.
class Fleets {
 public:
  // `changed` is called with the fleet's id once a change is durable: it wakes the reconciler
  // (FleetReconciler::wake).
  // `instances_max`: how many instances all fleets together may always have; 0: any number.
  // `environments` tells what is being installed; it outlives this object. Null: nobody knows.
  // `routed` says what requests go to (RouteTable::routed). Empty: what is stored as serving.
  explicit Fleets(std::function<void(const FleetId&)> changed, std::uint32_t instances_max = 0,
                  const environments::Environments* environments = nullptr,
                  std::function<std::optional<Shares>(const FleetId&)> routed = {})
      : changed_(std::move(changed)),
        instances_max_(instances_max),
        environments_(environments),
        routed_(std::move(routed)) {}

  // A new fleet, or a new generation of one that lives: the new instances come up beside the old,
  // traffic moves to them when all are healthy (or as set_shares() says), the old are drained and
  // ended. Always a new generation, also for an equal plan: what its artifacts' URIs name may have
  // changed. A generation that is still coming up is given up for the newer one.
  //
  // Refuses: invalid_argument (check()); conflict while the fleet is being removed; limit_exceeded,
  // kind "too_many_instances", where more instances are asked for than before and all fleets
  // together would have more than instances_max: "limit", "used" and "asked" in the details say how
  // many may be, are, and are asked for more. Those of a former generation, which end soon, and
  // those that an elastic variant has for a while are not counted.
  Result<Generation> put_plan(store::Transaction& tx, const FleetId& id, const FleetPlan& plan);

  // Changes the wanted generation in place, which is `updating` until it has its counts; after an
  // update that failed, the one that serves, and the failed one is given up. Refuses:
  // not_found (the fleet; or a variant, kind "no_such_variant"), invalid_argument (also, of kind
  // "elastic" or "not_elastic", what the variant does not have), conflict while being removed,
  // limit_exceeded as put_plan.
  Result<> set_weights_and_counts(store::Transaction& tx, const FleetId& id,
                                  std::span<const VariantChange> changes);
  // The same for one generation, the wanted one or one that serves beside it: for who follows load
  // while traffic is divided. One that serves beside the wanted one is changed without the fleet
  // being `updating` for it, and may have as many instances as the wanted one might. Refuses
  // besides: not_found, kind "no_such_generation".
  Result<> set_weights_and_counts(store::Transaction& tx, const FleetId& id, Generation generation,
                                  std::span<const VariantChange> changes);

  // Divides the requests among generations: to be called by whoever moves traffic from one to
  // another in steps (rollout) and by nobody else. From the first call on after a put_plan(), which
  // may stand in the same transaction, the wanted generation gets no more than it is given here;
  // without one it gets everything once it came up. A generation that served and is not named any
  // more is drained and ended; one with a share of 0 stands by. Where the wanted generation is the
  // only one named, the update is complete.
  //
  // Refuses: not_found (the fleet; or a generation, kind "no_such_generation"); invalid_argument
  // (a share that is not within 0 and 1, or all together are not 1); conflict while the fleet is
  // being removed, and, kind "not_up", where a generation neither serves nor came up.
  Result<> set_shares(store::Transaction& tx, const FleetId& id, const Shares& shares);

  // Gives up the wanted generation, also where it came up, for a reason that status() tells: for
  // whoever shifts traffic and finds it wanting. Its instances end; what serves beside it serves
  // on, and a first generation has failed. Giving up what was given up is fine, and tells the first
  // reason.
  //
  // Refuses: not_found (the fleet; or, kind "no_such_generation", one that is not wanted);
  // conflict while the fleet is being removed, and, kind "serves", while requests go to it:
  // set_shares() takes them from it, and may stand in the same transaction.
  Result<> give_up(store::Transaction& tx, const FleetId& id, Generation generation,
                   std::string_view reason);

  // Ends the fleet: routes vanish first, then instances. Removing what is gone is fine.
  Result<> remove(store::Transaction& tx, const FleetId& id);

  // What is known of it in this transaction; `gone` where there is nothing. A put_plan before it in
  // the same transaction is seen. It is ready once requests go to the generation that serves:
  // routes follow the commit that says so.
  FleetStatus status(store::Transaction& tx, const FleetId& id) const;
  // As status(), without the variants: reads neither plans nor instances, so that a list costs what
  // it shows.
  FleetStatus outline(store::Transaction& tx, const FleetId& id) const;

  // The plan that the next change begins from: the one that is wanted, or after an update that
  // failed the one that serves. not_found where there is none.
  Result<FleetPlan> standing_plan(store::Transaction& tx, const FleetId& id) const;

  std::vector<InstanceStatus> instances(store::Transaction& tx, const FleetId& id) const;

  // At most `count` fleets in the order of their ids, from the first after `after` on.
  std::vector<FleetLook> look(store::Transaction& tx, const FleetId& after,
                              std::size_t count) const;
  // The fleet of that id, and those whose ids go on from it with a '/' or a ':'.
  std::vector<FleetLook> look_below(store::Transaction& tx, const FleetId& id) const;

  // What the wanted generation waits for while it comes up: one sentence for each of its variants,
  // by name. Of several containers the one that is behind speaks. It is no part of FleetStatus:
  // nobody is woken for it.
  std::map<std::string, std::string, std::less<>> coming_up(store::Transaction& tx,
                                                            const FleetId& id) const;

 private:
  void tell(store::Transaction& tx, const FleetId& id);
  Result<> change_wanted(store::Transaction& tx, const FleetId& id, FleetRow& row,
                         std::span<const VariantChange> changes);
  Result<> check_room(store::Transaction& tx, const FleetId& id, const FleetPlan& plan) const;
  FleetStatus as_routed(FleetStatus status, const FleetId& id) const;

  std::function<void(const FleetId&)> changed_;
  const std::uint32_t instances_max_;
  const environments::Environments* const environments_;
  const std::function<std::optional<Shares>(const FleetId&)> routed_;
};

// The topic of engine::Changes that is notified, after commit, whenever status() changed.
std::string topic_of(const FleetId& id);

// What some fleet still needs (FetchedArtifact::content): what is not to be collected.
struct Used {
  std::set<std::string> contents;      // of models and of their code
  std::set<std::string> environments;  // of EnvironmentCache
};
Used used_by_fleets(store::Transaction& tx);

// This room's tables.
std::span<const store::Migration> migrations();

}  // namespace slipway::fleet
