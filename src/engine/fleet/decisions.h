// The last decisions about each fleet, as sentences for a person who asks why it is as it is. In
// memory alone: a server that starts knows of none before its own.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/fleet/record.h"

namespace slipway::fleet {

// What a fleet's reconciler decided, told as a sentence, and when.
struct Decision {
  Timestamp at = {};
  std::string text;  // "Instance 7 of variant 'all' is healthy: it answered."
};

// Limits: what is older goes first.
inline constexpr std::size_t decisions_kept_max = 40;           // of a fleet
inline constexpr std::size_t decision_bytes_max = 600;          // of a sentence
inline constexpr std::size_t fleets_with_decisions_max = 1000;  // those noted last

// The last decisions of each fleet, in memory alone: nothing of it outlives the server.
// Thread-safe.
class DecisionBook {
 public:
  void note(const FleetId& id, Timestamp at, std::vector<std::string> sentences);
  struct OfFleet {
    FleetId id;
    std::vector<Decision> decisions;  // oldest first
  };
  // Of that fleet and of those whose ids go on from it with a '/' or a ':', as far as anything is
  // known.
  std::vector<OfFleet> below(const FleetId& id) const;

 private:
  struct Page {
    std::deque<Decision> decisions;
    std::list<FleetId>::iterator turn;
  };

  mutable std::mutex mutex_;
  std::map<FleetId, Page> pages_;
  std::list<FleetId> turns_;  // those noted longest ago first
};

// Why instances of a variant failed in a run: the last cause of each.
using InstanceFailures = std::map<VariantId, std::string>;

// What a reconcile decided, by what it found and what it left: one sentence for each instance whose
// phase it changed, and for each generation that came, serves or failed.
std::vector<std::string> decisions_of(const FleetRecord& before, const FleetRow& after,
                                      const InstanceFailures& failures);

}  // namespace slipway::fleet
