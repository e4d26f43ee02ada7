// What callers may hear of an error in talking to an instance.
#pragma once

#include <string>

#include "place/place.h"

namespace slipway::routing {

// Returns `text` with "the container" in place of each address: where an instance listens is this
// server's own affair.
std::string redact_addresses(std::string text, const place::Addresses& addresses);

}  // namespace slipway::routing
