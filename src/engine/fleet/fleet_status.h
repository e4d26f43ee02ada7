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
  std::uint32_t instances_current = 0;  // healthy and routed to
  std::uint32_t instances_wanted = 0;   // of an elastic variant: those that always stand
  std::optional<routing::Elastic> elastic_current = {};
  std::optional<routing::Elastic> elastic_wanted = {};

  bool operator==(const VariantStatus&) const = default;
};

// A whole fleet.
struct FleetStatus {
  FleetState state = FleetState::gone;
  std::string reason;  // failed, update_failed: the cause, with the last log lines quoted
  Generation wanted = 0;
  Generation serving = 0;  // 0: none
  std::vector<VariantStatus>
      variants;  // of the serving generation; of the wanted where none serves
  // When the reconciler changed any of this last, but for how many instances serve; a door that
  // just wrote knows better.
  Timestamp changed_at = {};

  bool operator==(const FleetStatus&) const = default;
};

}  // namespace slipway::fleet
