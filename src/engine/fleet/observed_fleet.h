// What the reconciler sees of one fleet in this process: nothing here survives a crash, and all of
// it is learned again from the place, the prober and the artifact cache.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "engine/artifacts/artifact.h"
#include "engine/fleet/elastic_aim.h"
#include "engine/fleet/prober.h"
#include "engine/fleet/record.h"
#include "engine/routing/routes.h"
#include "place/place.h"

namespace slipway::fleet {

// One instance as it was observed last, and what was already asked for in this process.
struct ObservedInstance {
  enum class State : std::uint8_t { unknown, preparing, running, ended } state = State::unknown;
  bool was_prepared = false;             // and then ran: its time to come up begins there
  std::optional<ServerTime> runs_since;  // of such a one, as it was looked at first
  place::Addresses addresses;
  std::string end;         // how it ended, or why it never ran: "exited with status 1"
  bool end_asked = false;  // it was stopped
  enum class Health : std::uint8_t { unknown, healthy, unhealthy } health = Health::unknown;
  std::string health_reason;
  std::string tail;  // of its log, as it was told last: quotable (fleet_effects.h)

  bool start_asked = false;
  bool stop_asked = false;
  bool watched = false;
  ServerTime watched_at = {};
  std::weak_ptr<const routing::InstanceRoute> route;  // alive while a router may send to it
};

// The fetching of one artifact of a variant, or the making of its environment.
struct Fetching {
  ServerTime asked_at = {};
  std::optional<artifacts::FetchOutcome> outcome;  // nothing: under way
  std::shared_ptr<const void> asker = {};          // of an environment: it is wanted
};

// What an instance is given from this disk, each fetched or made by itself.
enum class ContentPart : std::uint8_t { model, code, environment };

// One thing that is fetched or built before instances can start, and for which variant.
struct FetchId {
  VariantId variant;
  ContentPart part = ContentPart::model;

  auto operator<=>(const FetchId&) const = default;
};

// The demand for an elastic variant of a generation that serves, and what is made of it.
struct ObservedDemand {
  std::shared_ptr<routing::ConcurrencyLimiter> limiter;
  ElasticAim aim;
};

// Says what was seen of a fleet and its surroundings until now; in memory only.
struct ObservedFleet {
  // What was seen of an instance; nothing yet where it is not known.
  const ObservedInstance& of(const place::InstanceKey& key) const {
    static const ObservedInstance nothing;
    const auto found = instances.find(key);
    return found == instances.end() ? nothing : found->second;
  }

  // When the time that an instance has to come up began: with its start (`asked_at`), or, where
  // something was fetched for it first, which takes as long as it takes, once it was seen to run.
  ServerTime coming_up_since(const place::InstanceKey& key, ServerTime asked_at, ServerTime now) {
    const auto found = instances.find(key);
    if (found == instances.end()) return asked_at;
    if (found->second.state == ObservedInstance::State::preparing) return now;
    if (!found->second.was_prepared) return asked_at;
    if (!found->second.runs_since) found->second.runs_since = now;
    return std::max(asked_at, *found->second.runs_since);
  }

  std::map<place::InstanceKey, ObservedInstance> instances;
  std::map<FetchId, Fetching> fetches;
  std::map<VariantId, ObservedDemand> elastic;
  std::shared_ptr<const routing::FleetRoute> published;  // null: nothing was published

  bool empty() const {
    return instances.empty() && fetches.empty() && elastic.empty() && published == nullptr;
  }
};

// Says what came of a fetch.
struct FetchReport {
  FetchId id;
  artifacts::FetchOutcome outcome;
};

// What other threads report; taken in at the start of a reconcile.
using Report = std::variant<place::Observation, HealthReport, FetchReport>;
void take_in(ObservedFleet& observed, Report&& report);

}  // namespace slipway::fleet
