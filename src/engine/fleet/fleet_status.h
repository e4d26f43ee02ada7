// How a fleet stands, as its door tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/fleet/plan.h"

namespace slipway::fleet {

// Where a fleet is on its way to what is wanted.
enum class FleetState : std::uint8_t {
  creating,       // no generation has served yet
  ready,          // what is wanted serves, with every instance
  updating,       // something serves, and what is wanted is being brought up beside it
  update_failed,  // the newest generation did not come up; the one before serves on
  failed,         // the first generation did not come up; nothing serves
  removing,       // routes are gone, instances are ending
  gone,           // nothing of it is left, or it never was
};

std::string_view name_of(FleetState state);

// One variant: how much of what is wanted serves.
struct VariantStatus {
  std::string name;
  double weight_current = 0;  // 0 where nothing of it serves
  double weight_wanted = 0;
  std::uint32_t instances_current = 0;  // healthy and routed to, in all generations that serve
  std::uint32_t instances_wanted = 0;   // of an elastic variant: those that always stand
  std::optional<routing::Elastic> elastic_current = {};
  std::optional<routing::Elastic> elastic_wanted = {};

  // The variant in one of the generations that serve.
  struct InGeneration {
    Generation generation = 0;
    double share = 0;  // of the fleet's requests, for all variants of the generation
    double weight = 0;
    std::uint32_t instances_current = 0;
    std::uint32_t instances_wanted = 0;

    bool operator==(const InGeneration&) const = default;
  };
  std::vector<InGeneration> generations = {};  // the oldest first; those that have the variant

  bool operator==(const VariantStatus&) const = default;
};

// A whole fleet.
struct FleetStatus {
  FleetState state = FleetState::gone;
  std::string reason;  // failed, update_failed: the cause, with the last log lines quoted
  Generation wanted = 0;
  bool wanted_came_up = false;  // the wanted generation can serve, and may be given a share
  Shares shares;                // of the generations that serve; empty: none does
  // Of the oldest generation that serves; of the wanted one where none does.
  std::vector<VariantStatus> variants;
  // When the reconciler changed any of this last, but for how many instances serve; a door that
  // just wrote knows better.
  Timestamp changed_at = {};

  // The oldest generation that serves, which an update under way is to replace; 0: none does.
  Generation serving() const { return shares.empty() ? 0 : shares.begin()->first; }

  bool operator==(const FleetStatus&) const = default;
};

}  // namespace slipway::fleet
