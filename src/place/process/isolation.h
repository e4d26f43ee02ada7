// Isolation is what this machine has to keep instances to their own, as a place is asked for it.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "cell/layers.h"
#include "place/process/groups.h"
#include "place/process/process_place.h"

namespace slipway::place {

// Returns what instances are kept to their own with. unavailable: all of it is required, and some
// is missing.
Result<cell::Layers> find_layers(const ProcessPlaceOptions& options);

// Returns where their control groups are. None where isolation is off: the server then stays where
// it is.
Groups divide_group(const ProcessPlaceOptions& options, const cell::Layers& layers);

Capabilities capabilities_with(const cell::Layers& layers);

std::filesystem::path cell_beside_this_program();

// Whether instances find what they were given through the host's directories: not in a file tree of
// their own.
bool walks_host_paths(const cell::Layers& layers);

// Instances pass through it to their own; there is nothing to list for them.
void let_users_pass(const std::filesystem::path& folder);

}  // namespace slipway::place
