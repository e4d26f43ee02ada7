// What a generation that comes up waits for, in words for who watches.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/fleet/fleet.h"

namespace slipway::fleet {

// One sentence for each variant of the wanted generation, by its name. Of several containers the
// one that is behind speaks. It is no part of FleetStatus: nobody is woken for it.
std::map<std::string, std::string_view, std::less<>> coming_up(store::Transaction& tx,
                                                               const FleetId& id);

}  // namespace slipway::fleet
