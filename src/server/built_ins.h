// The images that need no container engine: our own model server under three names, and the
// programs that --program names.
#pragma once

#include <filesystem>

#include "engine/fleet/fleet_reconciler.h"
#include "server/options.h"

namespace slipway::server {

// Returns where `slipway` lies, and beside it the programs that it starts.
std::filesystem::path folder_of_this_program();

// Returns what fleets start for each of these images, and which of the host's files it sees.
fleet::FleetOptions fleet_options(const std::filesystem::path& model_server,
                                  const ServeOptions& serve);

}  // namespace slipway::server
