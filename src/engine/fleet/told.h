// What callers may hear of an error in talking to an instance.
#pragma once

#include <string>

#include "place/place.h"

namespace slipway::fleet {

// Where an instance listens is this server's own affair: callers are told of the container.
std::string told(std::string text, const place::Addresses& addresses);

}  // namespace slipway::fleet
